"""The text of a column in PostgreSQL's SQL: the same as `rendering` gives, or none where that cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brokerless.exports.columns import TRUE_AND_FALSE
from brokerless.exports.conversion import choice_labels
from brokerless.exports.formats.guard import FORMULA_STARTS, guarded
from brokerless.exports.kinds import Kind
from brokerless.exports.sources.sql import Sql

if TYPE_CHECKING:
    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.sources.postgresql_zone import Zone

# Object identifiers of built-in types, which never change (pg_type.dat).
BOOL, BIGINT, SMALLINT, INTEGER, TEXT, DOUBLE, VARCHAR = 16, 20, 21, 23, 25, 701, 1043
DATE, TIME, TIMESTAMPTZ, NUMERIC, UUID = 1082, 1083, 1184, 1700, 2950
INTEGERS = {BIGINT, SMALLINT, INTEGER}
# Which types a field's values may have: a model need not say what the table is.
SUITABLE = {
    Kind.TEXT: {TEXT, VARCHAR},
    Kind.INTEGER: {*INTEGERS, NUMERIC},
    Kind.BOOLEAN: {BOOL},
    Kind.DECIMAL: {NUMERIC},
    Kind.FLOAT: {DOUBLE, NUMERIC, *INTEGERS},
    Kind.DATE: {DATE},
    Kind.MOMENT: {TIMESTAMPTZ},
    Kind.TIME: {TIME},
    Kind.WORD: {UUID},
}
# The characters between which none begins a formula.
FIRST_LETTER = max(ord(start) for start in FORMULA_STARTS if start.isascii()) + 1
LAST_BEFORE_FULL_WIDTH = min(ord(start) for start in FORMULA_STARTS if not start.isascii()) - 1
# A cast of it fails, and PostgreSQL's error repeats it.
MARKER = "brokerless:"
LETTERS = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "HH24", "M": "MI", "S": "SS"}
ISO_DATE, ISO_MOMENT = "YYYY-MM-DD", 'YYYY-MM-DD"T"HH24:MI:SS'


@dataclass(frozen=True)
class TextColumn:
    """A column as SQL.

    value: SQL of what the database has. kind: of these values. oid: of their type. place: in the row, for errors.
    """

    planned: PlannedColumn
    value: str
    kind: Kind
    oid: int
    place: int
    zone: Zone | None

    def text(self) -> Sql | None:
        """Return what COPY writes as its text, not guarded, NULL for NULL; None if that is not the very text."""
        if self.oid not in SUITABLE.get(self.kind, ()) or (self.kind is Kind.MOMENT and self.zone is None):
            return None
        declared = self.planned.declared
        if declared.has_choice_labels:
            return None
        if declared.date_format and self.kind in {Kind.DATE, Kind.MOMENT, Kind.TIME}:
            return self._dated(declared.date_format)
        if self.kind is Kind.BOOLEAN and tuple(declared.booleans) != TRUE_AND_FALSE:
            return Sql(f"CASE {self.value} WHEN true THEN %s WHEN false THEN %s END", tuple(declared.booleans))
        if declared.places is not None and self.kind in {Kind.DECIMAL, Kind.FLOAT}:
            return self._rounded(declared.places)
        return getattr(self, f"_{self.kind.value}")()

    def choices(self, *, is_guarded: bool) -> Sql | None:
        """Return the labels of the choices, and what is no choice any more as it is."""
        labels = choice_labels(self.planned.field)
        known = {Kind.TEXT: str, Kind.INTEGER: int}.get(self.kind)
        if self.oid not in SUITABLE.get(self.kind, ()) or any(type(value) is not known for value in labels):
            return None
        rest = f"{self.value}::text"
        whens = " WHEN %s THEN %s" * len(labels)
        words = [
            word for pair in labels.items() for word in (pair[0], guarded(pair[1]) if is_guarded else pair[1])
        ]
        rest = guarded_sql(Sql(rest)).text if is_guarded else rest
        return Sql(f"CASE {self.value}{whens} ELSE {rest} END", tuple(words))

    def _text(self) -> Sql:
        return Sql(self.value)

    _decimal = _text  # as COPY writes it

    def _boolean(self) -> Sql:
        yes, no = TRUE_AND_FALSE
        return Sql(f"CASE {self.value} WHEN true THEN '{yes}' WHEN false THEN '{no}' END")

    def _word(self) -> Sql:
        return Sql(f"{self.value}::text")

    def _integer(self) -> Sql:
        # What a sum of integers is; Django cuts it, too.
        return Sql(f"trunc({self.value})" if self.oid == NUMERIC else self.value)

    def _rounded(self, places: int) -> Sql | None:
        """Return a decimal with zeros at its end. To round, PostgreSQL has another way for halves."""
        declared = getattr(self.planned.field, "decimal_places", None)
        if self.kind is not Kind.DECIMAL or not self.planned.is_stored or declared is None or places < declared:
            return None
        return Sql(f"round({self.value}, {int(places)})")

    def _float(self) -> Sql:
        """Return Python's text of a float: always with a point or an exponent, and that only from 16 digits on."""
        value = self.value if self.oid == DOUBLE else f"{self.value}::float8"
        text = f"{value}::text"
        digits = f"{text}::numeric::text"
        return Sql(
            f"CASE WHEN {text} ~ '[.eNI]' AND NOT abs({value}) BETWEEN 1e15 AND 9999999999999998 THEN {text}"
            f" WHEN abs({value}) < 1e15 THEN {text} || '.0'"
            f" WHEN {digits} LIKE '%%.%%' THEN {digits} ELSE {digits} || '.0' END"
        )

    def _date(self) -> Sql:
        return self._in_range(f"to_char({self.value}, '{ISO_DATE}')")

    def _moment(self) -> Sql:
        shown = self._any_moment()
        if self.zone.is_shown_by_server:
            # A third of to_char()'s cost, if the server leaves no zero at the fraction's end out.
            value = self.value
            is_full = f"{value}::timestamptz(5) <> {value} OR {value}::timestamptz(0) = {value}"
            shown = f"CASE WHEN {is_full} THEN replace({value}::text, ' ', 'T') || ':00' ELSE {shown} END"
        return self._in_range(shown)

    def _any_moment(self) -> str:
        local = self.zone.local(self.value)
        # In the pattern where there is only one: cheaper than to put two texts together.
        inside, behind = self.zone.pattern(), self.zone.offset(self.value)
        # Python leaves the fraction out where there is none.
        is_whole = f"date_trunc('second', {local}) = {local}"
        pattern = f"CASE WHEN {is_whole} THEN '{ISO_MOMENT}{inside}' ELSE '{ISO_MOMENT}.US{inside}' END"
        return f"to_char({local}, {pattern}){behind}"

    def _time(self) -> Sql:
        text = f"{self.value}::text"
        shown = f"CASE length({text}) WHEN 8 THEN {text} ELSE rpad({text}, 15, '0') END"
        return self._in_range(shown)

    def _dated(self, date_format: str) -> Sql:
        pattern = "%".join(map(_pattern, date_format.split("%%")))
        value = self.zone.local(self.value) if self.kind is Kind.MOMENT else self.value
        value = f"{value}::interval" if self.kind is Kind.TIME else value
        ranged = self._in_range(f"to_char({value}, %s)")
        return Sql(ranged.text, (pattern,))

    def _in_range(self, text: str) -> Sql:
        """Return a text, for which values that Python's calendar and clock do not have make the statement fail."""
        marker = f"CAST('{MARKER}{self.place}:' || {self.value}::text AS integer)::text"
        return Sql(f"CASE WHEN {self._is_in_range()} THEN {text} WHEN {self.value} IS NOT NULL THEN {marker} END")

    def _is_in_range(self) -> str:
        if self.kind is Kind.MOMENT:
            return self.zone.is_in_range(self.value)
        if self.kind is Kind.TIME:
            return f"{self.value} < time '24:00:00'"
        return f"{self.value} BETWEEN date '0001-01-01' AND date '9999-12-31'"


def guarded_sql(found: Sql, *, is_emptied: bool = False) -> Sql:
    """Return a text that no spreadsheet takes for a formula; `is_emptied`: NULL for one without characters."""
    text, codes = found.text, ",".join(str(ord(start)) for start in FORMULA_STARTS)
    # Most texts begin with a letter: one look.
    is_harmless = f"ascii({text}) BETWEEN {FIRST_LETTER} AND {LAST_BEFORE_FULL_WIDTH}"
    rest = f"nullif({text}, '')" if is_emptied else text
    whens = f"WHEN {is_harmless} THEN {text} WHEN ascii({text}) IN ({codes}) THEN '''' || {text}"
    return Sql(f"CASE {whens} ELSE {rest} END", found.parameters * 5)  # so many times the text


def _pattern(text: str) -> str:
    """Return a date format as to_char() has it: literal characters are quoted."""
    parts = text.split("%")
    found = [_quoted(parts[0])]
    found += [LETTERS[part[0]] + _quoted(part[1:]) for part in parts[1:]]
    return "".join(found)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if text else ""
