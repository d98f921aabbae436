"""The end of an over-long log, kept in files beside it: a monitor that is killed does not take it along.

Each file is a piece of what came after the head, and is named from where it begins (`1.log.7500`). There are at
most two: when the newer one is full the older one is removed. Whoever ends the attempt joins them to the log.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PIECES = 2
PRIVATE_FILE = 0o600


class TailWriter:
    """Keeps the last bytes of what is written: no more than `limit`, and no fewer than half of it."""

    def __init__(self, log: Path, *, limit: int, left_out: int = 0) -> None:
        self._log = log
        self._piece_size = max(1, limit // PIECES)
        self._position = left_out  # bytes between the end of the head and what comes next
        self._kept: list[Path] = []
        self._descriptor: int | None = None
        self._room = 0

    def write(self, chunk: bytes) -> None:
        """Keep a chunk; on a full disk some of it, or none."""
        surplus = len(chunk) - PIECES * self._piece_size
        if surplus > 0:
            self._position += surplus
            self._room = 0
            chunk = chunk[surplus:]
        while chunk:
            if self._room == 0:
                self._begin_piece()
            piece, chunk = chunk[: self._room], chunk[self._room :]
            self._room -= len(piece)
            self._position += len(piece)
            if self._descriptor is not None:
                with suppress(OSError):  # the disk is full
                    os.write(self._descriptor, piece)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _begin_piece(self) -> None:
        self.close()
        path = self._log.with_name(f"{self._log.name}.{self._position}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with suppress(OSError):  # the disk is full
            self._descriptor = os.open(path, flags, PRIVATE_FILE)
            self._kept.append(path)
        self._room = self._piece_size
        # Removed and not replaced: many file systems write a file that replaces another to the disk at once.
        while len(self._kept) > PIECES:
            with suppress(OSError):
                self._kept.pop(0).unlink()


def join_tail(log: Path) -> None:
    """Append the end that was kept beside a log, if there is one, and a line that says what is left out before it.

    For whoever ends the attempt, when nobody writes to the log any more.
    """
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # two may have found the same monitor dead
        pieces = _pieces(log)
        if pieces and _append(descriptor, pieces):
            for _, path in pieces:
                path.unlink(missing_ok=True)
    except OSError:
        return
    finally:
        os.close(descriptor)


def left_out_words(size: int) -> bytes:
    return f"\n[… {size:,} bytes left out …]\n".encode() if size else b""


def _pieces(log: Path) -> list[tuple[int, Path]]:
    """Return the pieces of a log's end and where they begin, in their order."""
    found = [(path.name.rpartition(".")[2], path) for path in log.parent.glob(f"{log.name}.*")]
    return sorted((int(position), path) for position, path in found if position.isdecimal())


def _append(descriptor: int, pieces: list[tuple[int, Path]]) -> bool:
    """Append the pieces, all or, on a full disk, none; tell whether that was done."""
    before = os.fstat(descriptor).st_size
    text = left_out_words(pieces[0][0]) + b"".join(path.read_bytes() for _, path in pieces)
    try:
        is_whole = os.write(descriptor, text) == len(text)
    except OSError:
        is_whole = False
    if not is_whole:
        os.ftruncate(descriptor, before)
    return is_whole
