"""A stream of a running site, read in a thread as it comes."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from types import TracebackType

STREAM = {"Accept": "text/event-stream"}


class OpenStream:
    """Reads a stream's events until it ends, or until this end goes away."""

    def __init__(self, visitor: requests.Session, url: str, **headers: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.has_ended = False
        self.response = visitor.get(url, headers=STREAM | headers, stream=True, timeout=60)
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.response.status_code == 200:
            self._thread.start()

    def __enter__(self) -> OpenStream:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def statuses(self) -> list[str]:
        """Return the statuses that were sent, each once in a row."""
        found = [event["data"]["status"] for event in self.events if event["event"] == "task"]
        return [status for status, before in zip(found, [None, *found], strict=False) if status != before]

    def close(self) -> None:
        """Go away as a closed tab does."""
        connection = getattr(self.response.raw, "_connection", None)
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(2)
        self._thread.join(5)
        self.response.close()

    def _read(self) -> None:
        fields: dict[str, Any] = {}
        with suppress(requests.RequestException, AttributeError, ValueError):
            for line in self.response.iter_lines(chunk_size=1, decode_unicode=True):
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = json.loads(value) if name == "data" else value
                elif "event" in fields:
                    self.events.append(fields | {"at": time.monotonic()})
                    fields = {}
        self.has_ended = True
