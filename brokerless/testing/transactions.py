"""The test's transactions around a command that runs inline: a statement that fails in it must not end them.

A process of its own has connections of its own, for which nothing else depends on it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def usable_transactions() -> Iterator[None]:
    """Leave every transaction that is open usable after a block.

    One that the block has made unusable is as it was before the block: its other statements are undone, too.
    """
    before = [_Savepoint(wrapper) for wrapper in connections.all(initialized_only=True) if wrapper.in_atomic_block]
    try:
        yield
    finally:
        for savepoint in before:
            savepoint.leave()


class _Savepoint:
    """A savepoint that only a transaction which is unusable goes back to."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self._wrapper = wrapper
        self._hooks = list(wrapper.run_on_commit)
        # Not by atomic(), in which a durable block of the command would not be the outermost.
        self._name = transaction.savepoint(using=wrapper.alias)

    def leave(self) -> None:
        wrapper = self._wrapper
        if not wrapper.needs_rollback and wrapper.is_usable():
            transaction.savepoint_commit(self._name, using=wrapper.alias)
            return
        transaction.set_rollback(False, using=wrapper.alias)
        transaction.savepoint_rollback(self._name, using=wrapper.alias)
        wrapper.run_on_commit = self._hooks
