"""A task's log as plain text, in pieces of whole lines: joined they are the plain text of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brokerless.log_file import Reading, read
from brokerless.log_tail import left_out_words
from brokerless.log_text import plain

if TYPE_CHECKING:
    from pathlib import Path

# Of a UTF-8 character by its first byte (RFC 3629); from F8 on no byte begins one.
CHARACTER_LENGTHS = ((0xF8, 1), (0xF0, 4), (0xE0, 3), (0xC0, 2))
CHARACTER_REST = bytes(range(0x80, 0xC0))
# A line that is longer than a piece is not cut in so many last bytes if an escape sequence begins there.
LONGEST_SEQUENCE = 4096


class Lines(NamedTuple):
    """Whole lines, and the last one as far as it is written.

    text: for the reader to keep. line: shown until it has grown or was rewritten; it comes again. next_offset:
    behind `text`, before `line`. size: of the output so far, in bytes. is_end: there is nothing more to read.
    """

    text: str
    line: str
    next_offset: int
    size: int
    is_end: bool


def read_lines(log: Path, offset: int, limit: int, *, is_complete: bool) -> Lines:
    """Return what there is in the next `limit` bytes of a log, and where to go on.

    What was never kept, or is no longer, is put in words. is_complete: nobody writes to the log any more, so that
    its last line is a whole one.
    """
    reading = read(log, offset, limit)
    text, length = _split(reading, limit, is_complete=is_complete)
    start = reading.next_offset - len(reading.data)
    next_offset = start + length
    return Lines(
        text=left_out_words(reading.left_out).decode() + text,
        line=plain(_decoded(reading.data[length:], start=next_offset)),
        next_offset=next_offset,
        size=reading.size,
        is_end=is_complete and next_offset >= reading.size,
    )


def read_end(log: Path, limit: int, *, size: int, is_complete: bool) -> Lines:
    """Return the last lines of a log of that size: what there is in its last `limit` bytes."""
    offset, texts = max(0, size - limit), []
    while True:
        found = read_lines(log, offset, limit, is_complete=is_complete)
        texts.append(found.text)
        if found.next_offset == offset or found.next_offset >= size:
            return found._replace(text="".join(texts))
        offset = found.next_offset


def _split(reading: Reading, limit: int, *, is_complete: bool) -> tuple[str, int]:
    """Return the text of the whole lines, and how many bytes they are."""
    data = reading.data
    start = reading.next_offset - len(data)
    is_all = reading.is_whole or (is_complete and reading.next_offset >= reading.size)
    length = len(data) if is_all else data.rfind(b"\n") + 1
    if not length and len(data) >= limit:
        # Not even one line. What was rewritten is not shown; else as much of it as can be.
        length = data.rstrip(b"\r").rfind(b"\r") + 1
        if length:
            return "", length
        length = _uncut(data)
    return plain(_decoded(data[:length], start=start)), length


def _uncut(data: bytes) -> int:
    """Return how many bytes of a long line end neither within an escape sequence nor within a character."""
    sequence = data.rfind(b"\x1b", len(data) - LONGEST_SEQUENCE)
    return whole_characters(data if sequence <= 0 else data[:sequence]) or len(data)


def _decoded(data: bytes, *, start: int) -> str:
    """Decode UTF-8; whoever starts to read in the middle of a character does not see the rest of it."""
    rest = len(data) - len(data[:3].lstrip(CHARACTER_REST)) - len(data[3:]) if start else 0
    return data[rest:].decode("utf-8", "replace")


def whole_characters(data: bytes) -> int:
    """Return how many bytes at the start hold whole UTF-8 characters."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue  # in the middle of a character
        length = next((length for least, length in CHARACTER_LENGTHS if byte >= least), 1)
        return len(data) if length <= back else len(data) - back
    return len(data)
