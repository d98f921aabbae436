"""How long a monitor's statements wait: never so long that the command would go unwatched."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connections, router, transaction

from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

# How long a page waits for SQLite's lock before it takes another way.
SHORT_WAIT = 1000  # milliseconds
# A statement that waits longer for a lock or a reply is given up and tried again.
LONGEST_STATEMENT = 3000  # milliseconds


@contextmanager
def bounded_statements() -> Iterator[None]:
    """Bound how long the statements of a block wait for a lock or run, on PostgreSQL.

    For its transaction only: behind a pool of connections a setting of the session would become somebody
    else's.
    """
    database = router.db_for_write(TaskState)
    connection = connections[database]
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(using=database):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LONGEST_STATEMENT}")
            cursor.execute(f"SET LOCAL statement_timeout = {LONGEST_STATEMENT}")
        yield


@contextmanager
def bounded_waits() -> Iterator[None]:
    """Bound how long the statements of a block wait for a lock, on PostgreSQL, for the rest of its transaction."""
    database = router.db_for_write(TaskState)
    connection = connections[database]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LONGEST_STATEMENT}")
    yield


@contextmanager
def short_patience() -> Iterator[None]:
    """Have the statements of a block give up on SQLite's lock after a moment; then it is as it was."""
    connection = connections[router.db_for_write(TaskState)]
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield  # a transaction that writes, as it should be IMMEDIATE, has the lock already
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        usual = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {SHORT_WAIT}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual}")


def bound_connection(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Bound how long a new connection waits for a lock, where that is the connection's own affair."""
    bounds = {
        "sqlite": f"PRAGMA busy_timeout = {LONGEST_STATEMENT}",
        "mysql": f"SET SESSION innodb_lock_wait_timeout = {LONGEST_STATEMENT // 1000}",
    }
    if connection.vendor in bounds:
        with connection.cursor() as cursor:
            cursor.execute(bounds[connection.vendor])
