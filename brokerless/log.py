"""A task's log file: the beginning of its output, and the end when there is too much of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from brokerless.log_tail import TailWriter, left_out_words

if TYPE_CHECKING:
    from pathlib import Path

# Of the limit, the last part is kept for the end of the output.
TAIL_SHARE = 4


class LogWriter:
    """Appends a command's output to its log and never grows it beyond `limit` bytes (and a line).

    What does not fit, or not on a full disk, is dropped: a command is never held up by its log. Whatever was
    written is on the disk, whenever this process is killed.

    descriptor: of the log, opened for appending; path: where it lies.
    """

    def __init__(self, descriptor: int, path: Path, *, limit: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._room = limit - limit // TAIL_SHARE
        self._tail_limit = limit // TAIL_SHARE
        self._tail: TailWriter | None = None
        self._dropped = 0

    def write(self, chunk: bytes) -> None:
        """Append a chunk; beyond the limit keep only the last ones."""
        head, rest = chunk[: self._room], chunk[self._room :]
        self._room -= len(head)
        if head:
            self._append(head)
        if rest:
            self._keep(rest)

    def close(self) -> None:
        """Close the files; a line says how much a full disk did not take, if there is room for it by now."""
        if self._tail is not None:
            self._tail.close()
        elif self._dropped:
            self._append(left_out_words(self._dropped))
        os.close(self._descriptor)

    def _keep(self, chunk: bytes) -> None:
        if self._tail is None:
            self._tail = TailWriter(self._path, limit=self._tail_limit, left_out=self._dropped)
        self._tail.write(chunk)

    def _append(self, chunk: bytes) -> None:
        try:
            written = os.write(self._descriptor, chunk)
        except OSError:  # the disk is full, or over its quota
            written = 0
        self._dropped += len(chunk) - written
