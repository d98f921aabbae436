"""From the values of the database to those of a column: what a column's options ask for, in Python."""

from __future__ import annotations

import base64
import datetime as dt
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone
from django.utils.duration import duration_iso_string

from brokerless.exports.columns import TRUE_AND_FALSE
from brokerless.exports.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.db.models import Field

    from brokerless.exports.columns import Column

    Convert = Callable[[Any], Any]

DATE_LETTERS, TIME_LETTERS = "Ymd", "HMS"
LETTERS = {
    Kind.DATE: DATE_LETTERS,
    Kind.MOMENT: DATE_LETTERS + TIME_LETTERS,
    Kind.TIME: TIME_LETTERS,
    Kind.ANY: DATE_LETTERS + TIME_LETTERS,
}
PARTS = {"Y": "year:04", "m": "month:02", "d": "day:02", "H": "hour:02", "M": "minute:02", "S": "second:02"}
DIGITS = Context(prec=1000, rounding=ROUND_HALF_EVEN)  # more than any database has


def conversion(column: Column, kind: Kind, field: Field | None) -> tuple[Kind, Convert | None]:
    """Return the kind of a column's values, and what makes them of it from those of the database.

    Raises ValueError for an option that has no meaning for the kind.
    """
    _check_options(column, kind, field)
    if kind is Kind.ANY:
        return kind, _any_conversion(column)
    if column.has_choice_labels:
        return Kind.TEXT, _choice_labels(field)
    if kind is Kind.BOOLEAN and tuple(column.booleans) != TRUE_AND_FALSE:
        return Kind.WORD, lambda value: column.booleans[not value]
    if column.date_format and kind in LETTERS:
        return Kind.WORD, _dated(column.date_format)
    if column.places is not None and kind in {Kind.DECIMAL, Kind.FLOAT}:
        return Kind.DECIMAL, _rounded(column.places)
    return kind, _usual_conversion(kind, field)


def _usual_conversion(kind: Kind, field: Field | None) -> Convert | None:
    """Return what a column needs that asks for nothing."""
    if kind is Kind.MOMENT:
        return local_time()
    if isinstance(field, models.UUIDField):
        return str
    return duration_iso_string if isinstance(field, models.DurationField) else None


def _check_options(column: Column, kind: Kind, field: Field | None) -> None:
    name = column.name
    if column.has_choice_labels and not getattr(field, "choices", None):
        raise ValueError(f"The column {name!r} is to show the labels of choices, but it has none.")
    if column.date_format and kind not in LETTERS:
        raise ValueError(f"The column {name!r} has a date_format, but its values are neither dates nor times.")
    foreign = {letter for letter in _letters(column.date_format) if letter not in LETTERS.get(kind, "")}
    if foreign:
        raise ValueError(
            f"The column {name!r} has date_format={column.date_format!r}; a {kind.value} has no %{min(foreign)}."
        )
    if column.places is not None and kind not in {Kind.DECIMAL, Kind.FLOAT, Kind.ANY}:
        raise ValueError(
            f"The column {name!r} has places={column.places}, but its values have no digits after a point."
        )


def _letters(date_format: str) -> list[str]:
    parts = date_format.replace("%%", "").split("%")[1:]
    return [part[0] for part in parts]


def _choice_labels(field: Field) -> Convert:
    labels = choice_labels(field)
    # A value that is no choice any more is shown as it is.
    return lambda value: labels.get(value, str(value))


def choice_labels(field: Field) -> Mapping[Any, str]:
    """Return the labels of a field's choices by value, in the active language; NULL's is no text of its own."""
    return {value: str(label) for value, label in field.flatchoices if value is not None}


def local_time() -> Convert:
    """Return what turns aware moments into those of the zone of whoever asked, and leaves naive ones alone."""
    zone = timezone.get_current_timezone()
    return lambda value: value.astimezone(zone) if value.tzinfo else value


def _dated(date_format: str) -> Convert:
    """Return what writes a date, a moment or a time. Not strftime, whose years before 1000 differ by platform."""
    pattern = date_pattern(date_format)
    local = local_time()
    return lambda value: pattern(local(value) if isinstance(value, dt.datetime) else value)


def date_pattern(date_format: str) -> Convert:
    texts = [part.replace("{", "{{").replace("}", "}}") for part in date_format.split("%%")]
    for letter, part in PARTS.items():
        texts = [text.replace(f"%{letter}", f"{{0.{part}}}") for text in texts]
    return "%".join(texts).format


def _rounded(places: int) -> Convert:
    unit = Decimal(1).scaleb(-places)

    def rounded(value: Decimal | float) -> Decimal:
        # By the text of a float: 0.125 is what its reader sees, and not the binary number beside it.
        exact = value if isinstance(value, Decimal) else Decimal(repr(value))
        return exact.quantize(unit, context=DIGITS) if exact.is_finite() else exact

    return rounded


def _any_conversion(column: Column) -> Convert:
    """Return what treats each value by its type: what a column of that kind would do with it."""
    local = local_time()
    pattern = date_pattern(column.date_format) if column.date_format else None
    rounded = None if column.places is None else _rounded(column.places)
    has_words = tuple(column.booleans) != TRUE_AND_FALSE

    def convert(value: Any) -> Any:
        if isinstance(value, bool):
            return column.booleans[not value] if has_words else value
        if isinstance(value, dt.datetime):
            value = local(value)
        if isinstance(value, dt.date | dt.time):
            return pattern(value) if pattern else value
        if isinstance(value, float | Decimal):
            return rounded(value) if rounded else value
        return plain(value)

    return convert


def plain(value: Any) -> Any:
    """Return a value as one of few types: what is not known by its type is its text."""
    if type(value) in {str, int} or value is None:
        return value
    if isinstance(value, dt.timedelta):
        return duration_iso_string(value)
    if isinstance(value, dict | list | tuple):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return str(value)
