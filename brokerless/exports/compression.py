"""gzip whose bytes repeat: fixed header fields, and a compressor fed with pieces of one size."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

from brokerless.exports.formats.drain import Drain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

try:
    from isal import igzip
except ImportError:  # no build for this platform: slower, and as good otherwise
    igzip = None

# ISA-L's output depends on the size of what it is fed with.
PIECE = 256 * 1024  # bytes
ISAL_LEVEL = 2  # of 0 to 3; 3 takes longer for little
ZLIB_LEVEL = 6  # Python's default of 9 takes a quarter longer for the same size


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces compressed, as one file.

    In a thread, one piece behind: compressors let Python go on, so that the next rows come meanwhile.
    """
    drain = Drain()

    def compress(piece: bytes) -> bytes:
        compressor.write(piece)
        return drain.take()

    with ThreadPoolExecutor(1, "gzip") as thread, closing(_open(drain)) as compressor:
        running = None
        for piece in of_one_size(pieces):
            if running is not None and (data := running.result()):
                yield data
            running = thread.submit(compress, piece)
        if running is not None:
            yield running.result()
    yield drain.take()


def of_one_size(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of one size, and what remains."""
    pending = bytearray()
    for piece in pieces:
        pending += piece
        while len(pending) >= PIECE:
            yield bytes(pending[:PIECE])
            del pending[:PIECE]
    if pending:
        yield bytes(pending)


def _open(target: BinaryIO) -> gzip.GzipFile:
    # An empty file name and time zero, or no two files would be the same.
    if igzip is not None:
        return igzip.IGzipFile(filename="", mode="wb", compresslevel=ISAL_LEVEL, fileobj=target, mtime=0)
    return gzip.GzipFile(filename="", mode="wb", compresslevel=ZLIB_LEVEL, fileobj=target, mtime=0)
