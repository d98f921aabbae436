"""The address of a PostgreSQL server that loses the reply to one COMMIT: it is written, and nobody hears of it."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

READ_SIZE = 65_536
COMMIT = b"COMMIT"
ENDING_TIME = 20.0  # seconds; every client is gone by then


class LosingReplies:
    """Passes on what is said, until a transaction that says `words` is committed; the first such reply is lost.

    lost_at: when that was.
    """

    def __init__(self, server: tuple[str, int], words: bytes) -> None:
        self.lost_at: datetime | None = None
        self._server = server
        self._words = words
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        """Accept nobody any more, and wait until everybody has left."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(ENDING_TIME)
        self._listening.close()

    def _start(self, work: Callable[..., None], *values: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=values, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._start(self._converse, self._listening.accept()[0])

    def _converse(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            has_said = False
            while True:
                readable, _, _ = select.select([client, server], [], [])
                data = readable[0].recv(READ_SIZE)
                if not data:
                    return
                if readable[0] is server:
                    client.sendall(data)
                    continue
                server.sendall(data)
                has_said |= self._words in data
                if has_said and COMMIT in data and self.lost_at is None:
                    server.recv(READ_SIZE)
                    self.lost_at = timezone.now()
                    return
