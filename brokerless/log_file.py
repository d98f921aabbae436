"""Reading a task's output as it was kept: its head, and its end in the pieces that `log_tail` describes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from brokerless.log_tail import pieces

if TYPE_CHECKING:
    from pathlib import Path

# A piece may be removed between the look for it and its opening, and the next one, too, where output is a flood.
TRIES = 5


class Reading(NamedTuple):
    """What is kept of the output from an offset on.

    left_out: how many bytes from there on are kept no more. next_offset: behind the last byte of `data`.
    is_whole: what comes next is left out, so that the last line of `data` will not grow. size: of all output.
    """

    left_out: int
    data: bytes
    next_offset: int
    is_whole: bool
    size: int


class Extent(NamedTuple):
    """A file, and which bytes of the output it holds."""

    start: int
    end: int
    path: Path


def read(log: Path, offset: int, limit: int) -> Reading:
    """Return at most `limit` bytes of the output from `offset` on.

    Offsets count the bytes that the command has written, also those that were not kept; they stay what they are
    while the output grows. Data from both sides of a gap is never returned at once.
    """
    for _ in range(TRIES):
        try:
            return _read(_extents(log), offset, limit)
        except FileNotFoundError:
            continue
    return Reading(0, b"", offset, is_whole=False, size=offset)


def exists(log: Path) -> bool:
    return _size(log) is not None


def size_of(log: Path) -> int:
    """Return how many bytes of output there are, with those left out; 0 without a log."""
    extents = _extents(log)
    return extents[-1].end if extents else 0


def _extents(log: Path) -> list[Extent]:
    """Return the files of a log in their order; none if it is not there, or no file."""
    # First the pieces: as soon as there is one the head is as long as it will be.
    behind = pieces(log)
    head = _size(log)
    if head is None:
        return []
    sized = [(start, _size(path), path) for start, path in behind]
    found = [Extent(head + start, head + start + size, path) for start, size, path in sized if size is not None]
    return [Extent(0, head, log), *found]


def _read(extents: list[Extent], offset: int, limit: int) -> Reading:
    data, position, left_out, is_whole = b"", offset, 0, False
    for extent in extents:
        if extent.end <= position:
            continue
        if extent.start > position:
            if data:
                is_whole = True
                break
            left_out, position = extent.start - position, extent.start
        wanted = min(limit - len(data), extent.end - position)
        data += _bytes(extent.path, position - extent.start, wanted)
        position = offset + left_out + len(data)
        if len(data) >= limit:
            break
    return Reading(left_out, data, position, is_whole, size=extents[-1].end if extents else 0)


def _size(path: Path) -> int | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _bytes(path: Path, start: int, count: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        file.seek(start)
        return file.read(count)
