"""The statements that other threads have a database execute: no signal reaches them there."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from django.db.backends.signals import connection_created

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

CANCEL_TIMEOUT = 2.0  # seconds; PostgreSQL is asked by a connection of its own


class ThreadsStatements:
    """Knows, while it is entered, the connections that other threads open.

    On a database that has no such call, as MySQL, a statement goes on until the process is gone.
    """

    def __init__(self) -> None:
        self._connections: WeakSet[BaseDatabaseWrapper] = WeakSet()

    def __enter__(self) -> Self:
        connection_created.connect(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        connection_created.disconnect(self._note)

    def interrupt(self) -> None:
        """Have what is being executed fail, where the database can."""
        for wrapper in list(self._connections):
            with suppress(Exception):  # it has ended just now, or the server is away
                _interrupt(wrapper.connection)

    def _note(self, *, connection: BaseDatabaseWrapper, **_: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            self._connections.add(connection)


def _interrupt(connection: Any) -> None:
    if hasattr(connection, "cancel_safe"):  # psycopg, from 3.2 on
        connection.cancel_safe(timeout=CANCEL_TIMEOUT)
    elif hasattr(connection, "interrupt"):  # sqlite3
        connection.interrupt()
    elif hasattr(connection, "cancel"):  # psycopg2
        connection.cancel()
