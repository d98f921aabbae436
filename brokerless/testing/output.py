"""The standard streams of a command that runs inline, written to its task's log."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from brokerless.conf import settings
from brokerless.log import LogWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokerless.runtime_dir import TaskFiles


class _Streams(NamedTuple):
    """What a command that runs inline has as its standard streams."""

    stdin: Any
    stdout: Any
    stderr: Any


# By context and not by replacing them: tasks may run in several threads at once, as a live server's do.
_of_task: ContextVar[_Streams | None] = ContextVar("streams of the task", default=None)


class _TaskStream:
    """A standard stream that is the task's own within a task, and the usual one elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._usual = getattr(sys, name)

    def __getattr__(self, attribute: str) -> Any:
        streams = _of_task.get()
        return getattr(getattr(streams, self._name) if streams else self._usual, attribute)


@contextmanager
def streams_by_task() -> Iterator[None]:
    """Have each task within the block meet its own standard streams, see `captured_into()`."""
    before = {name: getattr(sys, name) for name in _Streams._fields}
    _install()
    try:
        yield
    finally:
        for name, stream in before.items():
            setattr(sys, name, stream)


def _install() -> None:
    for name in _Streams._fields:
        if not isinstance(getattr(sys, name), _TaskStream):
            setattr(sys, name, _TaskStream(name))


@contextmanager
def captured_into(files: TaskFiles) -> Iterator[None]:
    """Write what a block prints to the task's log; there is nothing to read, as for a process of its own."""
    log = LogWriter(files.open_log(), files.log, limit=settings.LOG_LIMIT)
    bytes_written = _LogBytes(log)
    stream = io.TextIOWrapper(bytes_written, encoding="utf-8", errors="backslashreplace", write_through=True)
    _install()  # again, as a test's own capturing may have begun since
    token = _of_task.set(_Streams(io.StringIO(), stream, stream))
    try:
        yield
    finally:
        _of_task.reset(token)
        bytes_written.stop()
        log.close()


class _LogBytes(io.RawIOBase):
    """Passes bytes on to a log; what holds it after the command writes to nothing."""

    def __init__(self, log: LogWriter) -> None:
        self._log: LogWriter | None = log

    def stop(self) -> None:
        self._log = None

    def writable(self) -> bool:
        return True

    def write(self, chunk: Any) -> int:
        if self._log is not None:
            self._log.write(bytes(chunk))
        return len(chunk)
