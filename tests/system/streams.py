"""A stream of a running site, read in a thread as it comes."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from types import TracebackType

    import psutil

    from tests.system.running_site import RunningSite

STREAM = {"Accept": "text/event-stream"}
# More than the buffers of both ends of a connection hold.
LARGE = 8_000_000
MAKE_LARGE = f"""
from django.contrib.auth.models import User
from django.utils import timezone
from brokerless.models import TaskState
print(TaskState.objects.create(
    command="probe", owner=User.objects.get(username="ann"), status="RUNNING", host="elsewhere",
    heartbeat_at=timezone.now(), result="x" * {LARGE},
).pk)
"""


class Stalled:
    """A client that opens a stream of a large task and reads nothing but its head."""

    def __init__(self, site: RunningSite, visitor: requests.Session) -> None:
        task_id = site.manage_well("shell", "--verbosity", 0, "--command", MAKE_LARGE).strip()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", site.port))
        cookie = f"sessionid={visitor.cookies['sessionid']}"
        lines = [f"GET /tasks/{task_id}/events HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {cookie}", "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        assert b" 200 " in self._socket.recv(100)

    def is_in(self, process: psutil.Process) -> bool:
        """Tell whether a process has the other end of the connection."""
        port = self._socket.getsockname()[1]
        return any(each.raddr and each.raddr.port == port for each in process.net_connections("tcp"))

    def close(self) -> None:
        self._socket.close()


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
