"""Which type of Arrow's the values of a column have."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from brokerless.exports.kinds import Kind
from brokerless.exports.rendering import any_text, has_its_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from brokerless.exports.columns import PlannedColumn

MOST_DIGITS = 38  # of a 128-bit decimal; wider ones are little known to readers
TEXTS = {Kind.TEXT, Kind.WORD, Kind.ANY}
CUT = {Kind.INTEGER, Kind.DATE}


def arrow_type(column: PlannedColumn) -> pa.DataType:
    """Return the type of a column; decimals of unknown size are texts, as a guess could lose digits."""
    import pyarrow as pa

    types = {
        Kind.INTEGER: pa.int64,
        Kind.FLOAT: pa.float64,
        Kind.BOOLEAN: pa.bool_,
        Kind.DATE: pa.date32,
    }
    if column.kind in types:
        return types[column.kind]()
    if column.kind is Kind.MOMENT:
        return pa.timestamp("us", tz=_zone_name())
    if column.kind is Kind.TIME:
        return pa.time64("us")
    if has_known_digits(column):
        return pa.decimal128(column.max_digits, column.decimal_places)
    return pa.string()


def has_known_digits(column: PlannedColumn) -> bool:
    return column.kind is Kind.DECIMAL and 0 < (column.max_digits or 0) <= MOST_DIGITS


def prepared(column: PlannedColumn, values: Sequence[Any]) -> Sequence[Any]:
    """Return values as their type takes them."""
    if column.kind is Kind.MOMENT and settings.USE_TZ:
        return [_aware(value) if isinstance(value, datetime) else value for value in values]
    if column.kind is Kind.DECIMAL and not has_known_digits(column):
        return [None if value is None else any_text(value) for value in values]
    if column.kind in TEXTS and not has_its_types(column.kind, values):
        return [None if value is None else any_text(value) for value in values]
    return values


def check_types(column: PlannedColumn, values: Sequence[Any]) -> None:
    """Raise TypeError for what Arrow would cut without a word: digits after the point, the time of a date."""
    if column.kind in CUT and not has_its_types(column.kind, values):
        raise TypeError


def _aware(value: datetime) -> datetime:
    """Return a moment with its zone: Arrow would take one without for UTC's."""
    return timezone.make_aware(value) if value.tzinfo is None else value


def _zone_name() -> str | None:
    """Return the name of the zone in which readers show moments; they are the same moments in any."""
    if not settings.USE_TZ:
        return None
    zone = timezone.get_current_timezone()
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"
