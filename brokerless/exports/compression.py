"""gzip whose bytes repeat: fixed header fields, and a compressor fed with pieces of one size."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    from isal import igzip
except ImportError:  # no build for this platform: slower, and as good otherwise
    igzip = None

# ISA-L's output depends on the size of what it is fed with.
PIECE = 256 * 1024  # bytes
ISAL_LEVEL = 2  # of 0 to 3; 3 takes longer for little
ZLIB_LEVEL = 6  # Python's default of 9 takes a quarter longer for the same size


class Repieced:
    """A writer that passes pieces of one size on, whatever it is given."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._pending = bytearray()

    def write(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= PIECE:
            self._target.write(bytes(self._pending[:PIECE]))
            del self._pending[:PIECE]

    def flush(self) -> None:
        self._target.write(bytes(self._pending))
        self._pending.clear()


@contextmanager
def gzip_writer(target: BinaryIO) -> Iterator[Repieced]:
    """Yield a writer that compresses into `target`, which stays open."""
    with _open(target) as compressor:
        pieces = Repieced(compressor)
        yield pieces
        pieces.flush()


def _open(target: BinaryIO) -> gzip.GzipFile:
    # An empty file name and time zero, or no two files would be the same.
    if igzip is not None:
        return igzip.IGzipFile(filename="", mode="wb", compresslevel=ISAL_LEVEL, fileobj=target, mtime=0)
    return gzip.GzipFile(filename="", mode="wb", compresslevel=ZLIB_LEVEL, fileobj=target, mtime=0)
