"""A limit of time for what a request reads: kept by the database where it can, and looked at between the rows."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

# Of SQLite's virtual machine, between two looks at the clock: less than a millisecond.
INSTRUCTIONS = 10_000
SITE_S_OWN = "SELECT setting::integer FROM pg_settings WHERE name = 'statement_timeout'"
# Until the transaction ends: behind a pooler, the next one may be another's.
SET_LOCAL = "SELECT set_config('statement_timeout', %s, true)"


class Deadline:
    """So many seconds from now on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end


@contextmanager
def time_limit(using: str, deadline: Deadline) -> Iterator[None]:
    """Have statements on that database fail that run when the time is over.

    In a transaction of its own inside the caller's, which goes on when such a statement fails.
    """
    connection = connections[using]
    keep = {"postgresql": _kept_by_the_server, "sqlite": _kept_by_sqlite}.get(connection.vendor)
    with transaction.atomic(using=using):
        if keep is None:  # what others read is looked at between the rows only
            yield
            return
        with keep(connection, deadline):
            yield


@contextmanager
def _kept_by_the_server(connection: BaseDatabaseWrapper, deadline: Deadline) -> Iterator[None]:
    """Set the time-out of statements, unless the site's own is shorter."""
    most = math.ceil(deadline.seconds * 1000)
    with connection.cursor() as cursor:
        cursor.execute(SITE_S_OWN)
        (usual,) = cursor.fetchone()
        is_shorter = 0 < usual <= most
        if not is_shorter:
            cursor.execute(SET_LOCAL, [f"{most}ms"])
    yield
    # For what follows in a caller's transaction. After an error the database takes it back itself.
    with connection.cursor() as cursor:
        cursor.execute(SET_LOCAL, [f"{usual}ms"])


@contextmanager
def _kept_by_sqlite(connection: BaseDatabaseWrapper, deadline: Deadline) -> Iterator[None]:
    """Have SQLite ask from time to time whether it is to go on."""
    connection.ensure_connection()
    raw = connection.connection
    raw.set_progress_handler(lambda: deadline.is_over, INSTRUCTIONS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
