"""A task's log file: the beginning of its output, and the end when there is too much of it."""

from __future__ import annotations

import os
from collections import deque

# Of the limit, the last part is kept for the end of the output.
TAIL_SHARE = 4


class LogWriter:
    """Appends a command's output to its log and never grows it beyond `limit` bytes (and a line).

    What does not fit, or not on a full disk, is dropped: a command is never held up by its log.
    """

    def __init__(self, descriptor: int, *, limit: int) -> None:
        self._descriptor = descriptor
        self._room = limit - limit // TAIL_SHARE
        self._tail_room = limit // TAIL_SHARE
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0

    def write(self, chunk: bytes) -> None:
        """Append a chunk; beyond the limit remember only the last ones."""
        head, rest = chunk[: self._room], chunk[self._room :]
        self._room -= len(head)
        if head:
            self._append(head)
        if rest:
            self._remember(rest)

    def close(self) -> None:
        """Append the remembered end, with a line that says how much is left out before it."""
        if self._dropped:
            self._append(f"\n[… {self._dropped:,} bytes left out …]\n".encode())
        for chunk in self._tail:
            self._append(chunk)
        os.close(self._descriptor)

    def _remember(self, chunk: bytes) -> None:
        self._tail.append(chunk)
        self._tail_size += len(chunk)
        while self._tail_size > self._tail_room:
            oldest = self._tail.popleft()
            surplus = min(len(oldest), self._tail_size - self._tail_room)
            self._tail_size -= surplus
            self._dropped += surplus
            if surplus < len(oldest):
                self._tail.appendleft(oldest[surplus:])

    def _append(self, chunk: bytes) -> None:
        try:
            written = os.write(self._descriptor, chunk)
        except OSError:  # the disk is full, or over its quota
            written = 0
        self._dropped += len(chunk) - written
