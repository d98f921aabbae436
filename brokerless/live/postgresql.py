"""PostgreSQL tells of changes by itself: a trigger's NOTIFY, and a LISTEN on the watcher's connection.

What is told is trusted only as long as looks from time to time find nothing that was not told. A pooler between
transactions, or a table without its trigger, makes of this source one that polls.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from uuid import UUID, uuid4

from django.db import connections, router

from brokerless.live import polling
from brokerless.live.changes import Dirty
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import psycopg
    from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("brokerless")

# As the migration 0006 has them. All sites of one database share the channel: an id is of one of them alone.
CHANNEL = "brokerless_changes"
TRIGGER = "brokerless_tell_of_changes"
SAFETY_INTERVAL = 5.0  # seconds between two looks at everything, by which a LISTEN that has died is found out
PROOF_WITHIN = 1.0  # seconds; a session's own notifications come with the reply, or right after it
CHUNK = 4096


def can_listen(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection is one of psycopg 3 to PostgreSQL."""
    if connection.vendor != "postgresql":
        return False
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return is_psycopg3


class Listening:
    """Says of each row that it has changed, as the database tells it."""

    def __init__(self) -> None:
        self._bell, self._ear = socket.socketpair()
        for end in (self._bell, self._ear):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._heard = Dirty()
        self._proof = uuid4().hex
        self._connection: psycopg.Connection | None = None
        self._is_triggered = False
        self._is_trusted = False
        self._told: set[UUID] = set()
        self._suspects: set[UUID] = set()
        self._next_look = 0.0

    def __enter__(self) -> Self:
        try:
            self._begin(connections[router.db_for_write(TaskState)])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            with suppress(Exception):  # it may be gone
                self._connection.remove_notify_handler(self._hear)
                # It may be a pool's, and somebody else's next.
                self._connection.execute(f"UNLISTEN {CHANNEL}")
        self._selector.close()
        for end in (self._bell, self._ear):
            end.close()

    def wait(self, seconds: float) -> Dirty:
        """Return what was told, as soon as something is; and everything from time to time."""
        if not self._heard:
            self._listen(min(seconds, self._next_look - time.monotonic()))
        heard, self._heard = self._heard, Dirty()
        self._told |= heard.task_ids
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + (SAFETY_INTERVAL if self._is_trusted else polling.INTERVAL)
            heard.is_everything = True
        return heard

    def wake(self) -> None:
        """End the wait, from any thread."""
        with suppress(OSError):  # it has rung already, or is closed
            self._bell.send(b"!")

    def found(self, changed: AbstractSet[UUID]) -> None:
        """Stop trusting once a change is found of which nothing was told until the look after that."""
        if self._is_trusted and self._suspects - self._told:
            self._is_trusted = False
            self._next_look = 0.0  # no more of those that are far apart
            logger.warning(
                "PostgreSQL does not tell of all changes of tasks, perhaps for a pooler of transactions: "
                "pages are kept up to date by queries."
            )
        self._suspects = set(changed - self._told)
        self._told.clear()

    def _begin(self, connection: BaseDatabaseWrapper) -> None:
        """Listen, and find out whether it helps: whether the table tells, and what is told comes here."""
        connection.ensure_connection()
        self._connection = connection.connection
        self._connection.add_notify_handler(self._hear)
        for file in (self._connection.fileno(), self._ear):
            self._selector.register(file, selectors.EVENT_READ)
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
            self._is_triggered = self._finds_trigger(connection)
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, self._proof])
        deadline = time.monotonic() + PROOF_WITHIN
        while self._is_triggered and not self._is_trusted and time.monotonic() < deadline:
            self._listen(deadline - time.monotonic())

    def _finds_trigger(self, connection: BaseDatabaseWrapper) -> bool:
        table = connection.ops.quote_name(TaskState._meta.db_table)  # noqa: SLF001 - Django's documented interface
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s AND tgenabled <> 'D'",
                [table, TRIGGER],
            )
            return cursor.fetchone() is not None

    def _listen(self, seconds: float) -> None:
        """Hear what has come, and else wait for it."""
        self._take_notifications()
        if self._heard:
            return
        self._selector.select(max(0, seconds))
        with suppress(BlockingIOError):
            self._ear.recv(CHUNK)
        self._take_notifications()

    def _take_notifications(self) -> None:
        # Raises psycopg.OperationalError when the connection is gone.
        server = self._connection.pgconn
        server.consume_input()
        while notification := server.notifies():
            self._hear_text(notification.extra.decode(errors="replace"))

    def _hear(self, notification: object) -> None:
        """Take what has come with the reply to a query."""
        self._hear_text(notification.payload)

    def _hear_text(self, text: str) -> None:
        if text == self._proof:
            # Without its trigger the table tells nothing, however well one's own words come back.
            self._is_trusted = self._is_triggered
            return
        task_id, _, owner = text.partition(" ")
        with suppress(ValueError):  # another watcher's proof
            self._heard.task_ids.add(UUID(task_id))
            if owner:
                self._heard.owners.add(owner)
