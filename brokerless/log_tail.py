"""The end of an over-long log, kept in files beside it: a monitor that is killed does not take it along.

Each file is a piece of what came after the head, and is named from where it begins (`1.log.7500`). There are at
most two: when the newer one is full the older one is removed. They stay as they are; `log_file` reads them.
"""

from __future__ import annotations

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
            if self._descriptor is not None:
                with suppress(OSError):  # the disk is full; what comes later is written to its own place
                    os.pwrite(self._descriptor, piece, self._piece_size - self._room)
            self._room -= len(piece)
            self._position += len(piece)

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


def pieces(log: Path) -> list[tuple[int, Path]]:
    """Return the pieces of a log's end and where they begin behind its head, in their order."""
    found = [(path.name.rpartition(".")[2], path) for path in log.parent.glob(f"{log.name}.*")]
    return sorted((int(position), path) for position, path in found if position.isdecimal())


def left_out_words(size: int) -> bytes:
    return f"\n[… {size:,} bytes left out …]\n".encode() if size else b""
