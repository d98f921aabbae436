"""The lines of a file in PostgreSQL's SQL: the cells of CSV, or whole objects of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless.exports.formats.delimited import delimiter_of
from brokerless.exports.formats.guard import guarded
from brokerless.exports.formats.jsonl import line_parts
from brokerless.exports.formats.layout import JSONL
from brokerless.exports.kinds import TEXTS, Kind
from brokerless.exports.sources.postgresql_text import TextColumn, guarded_sql
from brokerless.exports.sources.sql import Sql, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brokerless.exports.formats.layout import Layout
    from brokerless.exports.sources.sql import Rows

# What JSON has in no text as it is: CSV with them quotes nothing and parts nothing.
NO_QUOTE, NO_DELIMITER = "\x01", "\x02"
DELIMITED = "(FORMAT csv, ENCODING 'UTF8', DELIMITER %s)"
UNQUOTED = "(FORMAT csv, ENCODING 'UTF8', DELIMITER %s, QUOTE %s)"


def copy_statement(rows: Rows, columns: Sequence[TextColumn], layout: Layout) -> Sql | None:
    """Return what writes the lines of these rows; None if PostgreSQL cannot write the very lines."""
    if layout.format == JSONL:
        selected, options = _object(columns), Sql(UNQUOTED, (NO_DELIMITER, NO_QUOTE))
    else:
        delimiter = delimiter_of(layout)
        # CSV quotes a single cell that is empty, or \., in a way of its own; and a delimiter is one byte.
        selected = _cells(columns, layout) if len(columns) > 1 and delimiter.isascii() else None
        options = Sql(DELIMITED, (delimiter,))
    if selected is None:
        return None
    query = f"SELECT {selected.text} FROM {rows.source.text}"  # noqa: S608 - of names and Django's SQL
    return Sql(
        f"COPY ({query}) TO STDOUT {options.text}",
        (*selected.parameters, *rows.source.parameters, *options.parameters),
    )


def _cells(columns: Sequence[TextColumn], layout: Layout) -> Sql | None:
    cells = [_cell(column, layout) for column in columns]
    return None if None in cells else joined(cells, ", ")


def _cell(column: TextColumn, layout: Layout) -> Sql | None:
    """Return a cell; NULL is an empty one, as else an empty text would be in quotes."""
    is_text = column.planned.kind in TEXTS
    is_guarded = layout.is_guarded and is_text
    is_emptied = is_guarded and not column.planned.null and not column.planned.declared.has_choice_labels
    found = _text(column, is_guarded=is_guarded, is_emptied=is_emptied)
    if found is None:
        return None
    cell, parameters = found.text, found.parameters
    if column.planned.null:
        null = guarded(column.planned.null) if layout.is_guarded else column.planned.null
        cell, parameters = f"coalesce(({cell})::text, %s)", (*parameters, null)
    if is_text and not is_emptied:
        cell = f"nullif({cell}, '')"
    return Sql(cell, parameters)


def _text(column: TextColumn, *, is_guarded: bool, is_emptied: bool = False) -> Sql | None:
    if column.planned.declared.has_choice_labels:
        return column.choices(is_guarded=is_guarded)
    found = column.text()
    return found if found is None or not is_guarded else guarded_sql(found, is_emptied=is_emptied)


def _object(columns: Sequence[TextColumn]) -> Sql | None:
    values = [_json(column) for column in columns]
    if None in values:
        return None
    named = [
        Sql(f"%s || coalesce({value.text}, 'null')", (part, *value.parameters))
        for part, value in zip(line_parts([column.planned for column in columns]), values, strict=True)
    ]
    return joined([*named, Sql("'}'")], " || ")


def _json(column: TextColumn) -> Sql | None:
    """Return a value as JSON, NULL for NULL."""
    found = _text(column, is_guarded=False)
    if found is None:
        return None
    kind, text = column.planned.kind, f"({found.text})::text"
    if kind in TEXTS:
        return Sql(f"to_json({text})::text", found.parameters)
    if kind in {Kind.INTEGER, Kind.BOOLEAN}:
        return Sql(text, found.parameters)
    if kind in {Kind.DECIMAL, Kind.FLOAT}:
        # Neither NaN nor infinity is a number in JSON.
        return Sql(f"CASE WHEN {column.value}::text ~ '[NI]' THEN to_json({text})::text ELSE {text} END")
    return Sql(f"""'"' || {text} || '"'""", found.parameters)
