"""One moment: what an export reads is as it was when it began, whatever others write meanwhile."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

REPEATABLE_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


@contextmanager
def one_moment(using: str) -> Iterator[None]:
    """Have every statement on that database see the same rows.

    Inside a caller's transaction its own isolation holds: each statement by itself sees one moment all the same.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        yield
        return
    begin = _deferred if connection.vendor == "sqlite" else _repeatable
    with begin(connection):
        yield


@contextmanager
def _deferred(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Begin a transaction that only reads. The mode IMMEDIATE, right for a site, keeps other writers out."""
    connection.ensure_connection()
    mode, connection.transaction_mode = connection.transaction_mode, "DEFERRED"
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(using=connection.alias))
        finally:
            connection.transaction_mode = mode
        yield


@contextmanager
def _repeatable(connection: BaseDatabaseWrapper) -> Iterator[None]:
    with transaction.atomic(using=connection.alias):
        if connection.vendor == "postgresql":  # MySQL's usual isolation is this one already
            with connection.cursor() as cursor:
                cursor.execute(REPEATABLE_READ)
        yield
