"""What is made of the values that SQLite has: the same as Django makes of them, a column of a block at a time.

SQLite stores what it is given, whatever the column's type is: usual forms go a short way, others
through Django's own converters.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_time

from brokerless.exports.kinds import Kind
from brokerless.exports.planning import kind_of
from brokerless.exports.rendering import RENDERERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models.expressions import BaseExpression
    from django.db.models.sql.compiler import SQLCompiler

    from brokerless.exports.columns import PlannedColumn

    Read = Callable[[Sequence[Any]], Sequence[Any]]

NUMBERS = {int, float, type(None)}
TEXTS = {str, type(None)}
INTEGERS = {int, type(None)}
USUAL_MOMENTS = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})?(?:\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})?)*", re.ASCII
)
ZERO_FRACTION = ".000000"
MOST_REMEMBERED = 10_000  # values of a column
# What Django has registered for the types that these columns are declared with.
PARSERS = {Kind.DATE: parse_date, Kind.MOMENT: parse_datetime, Kind.TIME: parse_time}


class StoredColumn:
    """A column as SQLite has it.

    read: makes the values of `planned` of a block's. Of moments and decimals it makes texts at once, half the way.
    """

    def __init__(self, planned: PlannedColumn, compiler: SQLCompiler, expression: BaseExpression) -> None:
        self._original = planned
        self._connection = compiler.connection
        self._expression = expression
        self._kind = kind_of(planned.field)
        converters = compiler.get_converters([expression])
        self._converters = converters[0][0] if converters else []
        is_moment = self._is_plain_moment()
        is_decimal = planned.kind is Kind.DECIMAL is self._kind
        given = Kind.WORD if is_moment else Kind.DIGITS if is_decimal else planned.kind
        self.planned = replace(planned, kind=given)
        self.read: Read = self._moments if is_moment else self._reader(self._digits if is_decimal else self._value)

    @property
    def sql(self) -> str:
        """Return the value without the type that it was declared with, for which the driver would convert it."""
        return f'+"{self._original.alias}"'

    def _reader(self, make: Callable[[Any], Any]) -> Read:
        if not self._converters and self._original.convert is None and self._kind not in PARSERS:
            return lambda values: values
        remembered = Remembered(make)
        types = {Kind.DECIMAL: NUMBERS, Kind.BOOLEAN: INTEGERS, Kind.DATE: TEXTS}.get(self._kind, set())
        if not self._original.is_stored:
            types = set()

        def read(values: Sequence[Any]) -> list[Any]:
            # True, 1 and 1.0 are the same to a dictionary: only what cannot be confused is looked up.
            if set(map(type, values)) <= types:
                return [*map(remembered.__getitem__, values)]
            return [*map(make, values)]

        return read

    def _value(self, value: Any) -> Any:
        if value is not None and self._original.is_stored:
            value = self._as_the_driver_gives_it(value)
        for convert in self._converters:
            value = convert(value, self._expression, self._connection)
        return value if value is None or self._original.convert is None else self._original.convert(value)

    def _digits(self, value: Any) -> str | None:
        found = self._value(value)
        return None if found is None else RENDERERS[Kind.DECIMAL](found)

    def _as_the_driver_gives_it(self, value: Any) -> Any:
        """Return a value as Django's converters of declared types do."""
        if self._kind is Kind.BOOLEAN:
            return str(value) == "1"
        return PARSERS[self._kind](str(value)) if self._kind in PARSERS else value

    def _is_plain_moment(self) -> bool:
        """Tell whether a column has moments, stored in UTC, that are shown as they are shown usually."""
        is_universal = settings.USE_TZ and getattr(self._connection.timezone, "key", "UTC") == "UTC"
        is_moment = self._original.kind is Kind.MOMENT and self._original.is_stored
        return is_moment and is_universal and self._connection.timezone.utcoffset(None) in {None, dt.timedelta()}

    def _moments(self, values: Sequence[Any]) -> list[str | None]:
        """Return the texts of moments."""
        zone = timezone.get_current_timezone()
        is_shown_in_utc = getattr(zone, "key", "") == "UTC" or zone is dt.UTC
        if is_shown_in_utc and (texts := _usual_moments(values)):
            return texts
        try:
            found = [None if value is None else dt.datetime.fromisoformat(value) for value in values]
        except (TypeError, ValueError):
            return self._other_moments(values)
        if any(map(attrgetter("tzinfo"), filter(None, found))):
            return self._other_moments(values)
        if is_shown_in_utc:
            return [None if value is None else f"{value.isoformat()}+00:00" for value in found]
        return [
            None if value is None else value.replace(tzinfo=dt.UTC).astimezone(zone).isoformat() for value in found
        ]

    def _other_moments(self, values: Sequence[Any]) -> list[str | None]:
        found = map(self._value, values)
        return [None if value is None else value.isoformat() for value in found]


def _usual_moments(values: Sequence[Any]) -> list[str]:
    """Return the texts, in UTC, of moments that are all as Django stores them; nothing if one is not.

    All at once: a moment made of each and written anew costs several times as much.
    """
    try:
        deque(map(dt.datetime.fromisoformat, values), maxlen=0)  # the calendar has them
        whole = "\n".join(values)
    except (TypeError, ValueError):
        return []
    # Without the fraction where it is zero, as isoformat() is.
    if not USUAL_MOMENTS.fullmatch(whole) or ZERO_FRACTION in whole:
        return []
    return f"{whole}\n".replace(" ", "T").replace("\n", "+00:00\n").splitlines()


class Remembered(dict):
    """What a function made of values: dates, decimals and choices are few, and many times the same."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __missing__(self, value: Any) -> Any:
        found = self._function(value)
        if value == 0:  # 0.0 and -0.0 are the same to a dictionary, too
            return found
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[value] = found
        return found
