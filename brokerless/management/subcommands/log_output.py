"""A log on standard output: plain text, or the bytes as they were written."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, AnyStr

from brokerless.management.subcommands.tables import cut, terminal_width

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

    from brokerless.attempt_log import AttemptLog

PIECE = 256 * 1024  # bytes


class LogOutput:
    """Prints logs; a terminal shows the line that is not finished, too, until it is."""

    def __init__(self, stdout: OutputWrapper, *, is_raw: bool) -> None:
        self._stdout = stdout
        self._is_raw = is_raw
        self._width = None if is_raw else terminal_width(stdout)
        self._shown = ""  # of an unfinished line
        self._is_line_open = False

    def print_all(self, log: AttemptLog, *, last: int | None, is_followed: bool) -> int:
        """Print a log as it is by now, or its last lines, and return the offset behind that."""
        pieces, offset = [], 0
        while True:
            piece, line, next_offset = self._read(log, offset, is_snapshot=not is_followed)
            pieces.append(piece)
            if next_offset == offset:
                break
            offset = next_offset
            if last is None:
                self._write(pieces.pop())
        rest = type(pieces[0])().join(pieces) if pieces else ""
        self._write(rest if last is None else last_lines(rest, last))
        if is_followed:
            self._show(line)
        else:
            self.end_line()
        return offset

    def print_from(self, log: AttemptLog, offset: int) -> int:
        """Print what there is from an offset on, and return the offset behind that."""
        while True:
            piece, line, next_offset = self._read(log, offset, is_snapshot=False)
            self._write(piece)
            if next_offset == offset:
                self._show(line)
                return offset
            offset = next_offset

    def end_line(self) -> None:
        """Let what comes next begin on a line of its own."""
        if self._is_line_open and not self._is_raw:
            self._write("\n")

    def close(self) -> None:
        with suppress(OSError):
            self._show("")

    def _read(self, log: AttemptLog, offset: int, *, is_snapshot: bool) -> tuple[str | bytes, str, int]:
        if self._is_raw:
            piece, next_offset = log.files.read_raw_log(offset, PIECE)
            return piece, "", next_offset
        is_complete = is_snapshot or log.is_complete
        found = log.files.read_log(offset, PIECE, is_complete=is_complete)
        return found.text, found.line, found.next_offset

    def _write(self, piece: str | bytes) -> None:
        if not piece:
            return
        self._show("")
        self._is_line_open = piece[-1:] not in {"\n", b"\n"}
        # Not every terminal or pipe takes every character; a test's has no bytes.
        encoding = getattr(self._stdout, "encoding", None) or "utf-8"
        if isinstance(piece, bytes) and hasattr(self._stdout, "buffer"):
            self._stdout.flush()
            self._stdout.buffer.write(piece)
        elif isinstance(piece, bytes):
            self._stdout.write(piece.decode(encoding, "replace"), ending="")
        else:
            self._stdout.write(piece.encode(encoding, "replace").decode(encoding), ending="")
        self._stdout.flush()

    def _show(self, line: str) -> None:
        if self._width is None or line == self._shown:
            return
        self._shown = line
        self._stdout.write(f"\r\033[K{cut(line.expandtabs(), self._width - 1)}", ending="")
        self._stdout.flush()


def last_lines(text: AnyStr, count: int) -> AnyStr:
    """Return the last lines of a text."""
    newline = "\n" if isinstance(text, str) else b"\n"
    start = len(text) - text.endswith(newline)
    if count == 0:
        return text[len(text) :]
    for _ in range(count):
        start = text.rfind(newline, 0, start)
        if start < 0:
            return text
    return text[start + 1 :]
