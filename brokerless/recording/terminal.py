"""The standard streams of a recorded run: what is written to the terminal is copied into the log."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable


LONGEST_PENDING = 8192  # characters


class CopiedStream:
    """A standard stream, as it is, whose text goes to a second place as soon as there is one.

    In the process, so that a terminal stays a terminal, and a pipe the same pipe: what is written as bytes, a file
    on standard output for example, and what other programs write, goes where it always went and is not copied.
    terminal: the stream itself, for what is not to be in a log.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal
        self._copy: int | None = None
        self._pending = ""  # a line goes to the copy whole
        self._lock = threading.RLock()  # re-entrant: a signal's handler may print

    def copy_to(self, descriptor: int) -> None:
        self._copy = descriptor

    def write(self, text: str) -> int:
        written = self.terminal.write(text)
        if self._copy is not None:
            with self._lock:
                self._pending += text
                if "\n" in text or len(self._pending) > LONGEST_PENDING:
                    self._write_copy()
        return written

    def flush(self) -> None:
        self._write_copy()
        self.terminal.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def _write_copy(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, ""
            if pending and self._copy is not None:
                with suppress(OSError):  # its reader is gone
                    _write_whole(self._copy, pending.encode("utf-8", "backslashreplace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.terminal, name)


def open_standard_descriptors() -> None:
    """Open those that a caller has closed on nothing; other files would get their numbers."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free


def install() -> None:
    """Put copied streams in place of the standard ones; before logging is set up, which keeps what it finds."""
    # There is none where its descriptor was closed.
    sys.stdout = CopiedStream(sys.stdout) if sys.stdout else sys.stdout
    sys.stderr = CopiedStream(sys.stderr) if sys.stderr else sys.stderr


def flush() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):  # the command will meet that itself
            stream.flush()


def _write_whole(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
