"""A time zone in PostgreSQL's SQL, if the server and Python have the same rules for it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DataError, transaction
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper

UTC = dt.UTC
PLAIN_NAME = re.compile(r"[A-Za-z0-9_+/-]+")  # nothing that a string of SQL would have to escape
FIRST_LOCAL, LAST_LOCAL = "timestamp '0001-01-01 00:00:00'", "timestamp '9999-12-31 23:59:59.999999'"
# No zone is a day ahead or behind.
SURELY_FIRST, SURELY_LAST = "timestamptz '0001-01-02 00:00:00+00'", "timestamptz '9999-12-30 00:00:00+00'"
# Where the offsets are compared: day by day where data is, and far apart elsewhere.
PERIODS = (
    (dt.datetime(1800, 1, 1, tzinfo=UTC), dt.datetime(2200, 1, 1, tzinfo=UTC), dt.timedelta(days=30)),
    (dt.datetime(1970, 1, 1, tzinfo=UTC), dt.datetime(2040, 1, 1, tzinfo=UTC), dt.timedelta(days=1)),
)
OFFSETS = """
    SELECT extract(epoch FROM day)::bigint, offset_then FROM (
        SELECT day, offset_then, lag(offset_then) OVER (ORDER BY day) AS offset_before FROM (
            SELECT day,
                   extract(epoch FROM (day AT TIME ZONE %s) - (day AT TIME ZONE 'UTC'))::integer AS offset_then
            FROM generate_series(%s::timestamptz, %s::timestamptz, %s::interval) AS days(day)
        ) AS offsets
    ) AS changes
    WHERE offset_before IS DISTINCT FROM offset_then ORDER BY day
"""
Changes = list[tuple[int, int]]


@dataclass(frozen=True)
class Zone:
    """A zone of one offset, or one that the server knows by its name.

    offsets: in seconds; of a named zone the usual ones, others are computed. name: empty for one of one offset.
    is_shown_by_server: whether it is UTC, and the server's own text of a moment is nearly that of ISO 8601.
    """

    offsets: tuple[int, ...]
    name: str = ""
    is_shown_by_server: bool = False

    def local(self, value: str) -> str:
        """Return SQL for what a clock there shows."""
        if self.name:
            return f"({value} AT TIME ZONE '{self.name}')"
        (offset,) = self.offsets
        shifted = f" + interval '{offset} seconds'" if offset else ""
        return f"({value} AT TIME ZONE 'UTC'{shifted})"

    def pattern(self) -> str:
        """Return the offset as a part of to_char()'s pattern; nothing if it is not always the same."""
        return "" if self.name else f'"{offset_text(self.offsets[0])}"'

    def offset(self, value: str) -> str:
        """Return SQL that puts the offset behind, as ISO 8601 writes it; nothing if the pattern has it."""
        if not self.name:
            return ""
        difference = f"{self.local(value)} - ({value} AT TIME ZONE 'UTC')"
        seconds = f"extract(epoch FROM {difference})::integer"
        usual = " ".join(f"WHEN {offset} THEN '{offset_text(offset)}'" for offset in self.offsets)
        size = f"make_interval(secs => abs({seconds}))"
        sign = f"CASE WHEN {seconds} < 0 THEN '-' ELSE '+' END"
        pattern = f"CASE WHEN {seconds} %% 60 = 0 THEN 'HH24:MI' ELSE 'HH24:MI:SS' END"
        return f" || CASE {seconds} {usual} ELSE {sign} || to_char({size}, {pattern}) END"

    def is_in_range(self, value: str) -> str:
        """Return SQL for whether its years are Python's, in UTC, in which it is read, and there."""
        universal = f"({value} AT TIME ZONE 'UTC') BETWEEN {FIRST_LOCAL} AND {LAST_LOCAL}"
        local = f"{self.local(value)} BETWEEN {FIRST_LOCAL} AND {LAST_LOCAL}"
        return f"({value} BETWEEN {SURELY_FIRST} AND {SURELY_LAST} OR ({universal} AND {local}))"


def current_zone(connection: BaseDatabaseWrapper) -> Zone | None:
    """Return the zone of whoever asked; None for one that the server does not know, or knows otherwise."""
    zone = timezone.get_current_timezone()
    if isinstance(zone, dt.timezone):
        offset = zone.utcoffset(None)
        return None if offset.microseconds else _zone_of(connection, int(offset.total_seconds()))
    if not settings.USE_TZ or not isinstance(zone, ZoneInfo) or not PLAIN_NAME.fullmatch(zone.key or ""):
        return None
    if zone.key == "UTC":
        return _zone_of(connection, 0)
    ours = _changes(zone)
    if _changes_on_server(connection, zone.key) != ours:
        return None
    recent = sorted({offset for _, offset in ours[-1]})
    return Zone(tuple(recent), zone.key)


def _zone_of(connection: BaseDatabaseWrapper, offset: int) -> Zone:
    """Return a zone of one offset."""
    connection.ensure_connection()
    told = connection.connection.info.parameter_status
    is_iso = (told("DateStyle") or "").startswith("ISO")
    return Zone((offset,), is_shown_by_server=offset == 0 and is_iso and told("TimeZone") == "UTC")


@lru_cache(maxsize=8)
def _changes(zone: ZoneInfo) -> list[Changes]:
    """Return when the offset has changed, for each period, with the new one."""
    return [_changes_within(zone, *period) for period in PERIODS]


def _changes_within(zone: ZoneInfo, first: dt.datetime, last: dt.datetime, step: dt.timedelta) -> Changes:
    found, before, day = [], None, first
    while day <= last:
        offset = day.astimezone(zone).utcoffset()
        if offset != before:
            found.append((int(day.timestamp()), int(offset.total_seconds())))
        before, day = offset, day + step
    return found


def _changes_on_server(connection: BaseDatabaseWrapper, name: str) -> list[Changes] | None:
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            return [_fetched(cursor, name, *period) for period in PERIODS]
    except DataError:  # it knows no such zone
        return None


def _fetched(cursor: CursorWrapper, name: str, *period: object) -> Changes:
    cursor.execute(OFFSETS, [name, *period])
    return cursor.fetchall()


def offset_text(offset: int) -> str:
    """Return an offset in seconds as ISO 8601 writes it."""
    zone = dt.timezone(dt.timedelta(seconds=offset))
    return dt.time(tzinfo=zone).isoformat()[len("00:00:00") :]
