"""Tables for people: aligned, cut to the terminal, and coloured where there is one."""

from __future__ import annotations

import os
import shutil
import unicodedata
from typing import TYPE_CHECKING

from django.core.management.color import color_style, no_style

from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.core.management.base import OutputWrapper
    from django.core.management.color import Style

Status = TaskState.Status

GAP = "  "
NARROWEST = 6  # columns of a terminal, to which a table's column is cut before whole lines are
# Change the order in which a terminal shows what follows.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ROLES = {
    Status.RUNNING: "MIGRATE_HEADING",
    Status.SUCCESSFUL: "SUCCESS",
    Status.FAILED: "ERROR",
    Status.CANCELLED: "WARNING",
    Status.LOST: "ERROR",
}


def table_lines(rows: Sequence[Sequence[str]], *, width: int | None) -> list[str]:
    """Return a line for each row, its cells aligned; cut to a width, or whole with None."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        widths = _narrowed(widths, width - len(GAP) * (len(widths) - 1))
    lines = (GAP.join(padded(cell, wide) for cell, wide in zip(row, widths, strict=True)) for row in rows)
    return [cut(line.rstrip(), width) for line in lines]


def padded(text: str, width: int) -> str:
    """Return a text that is so wide: cut, or with spaces behind."""
    fitting = cut(text, width)
    return fitting + " " * (width - display_width(fitting))


def cut(text: str, width: int | None) -> str:
    """Shorten a text to a width in a terminal, None for any, and show that it was."""
    if width is None or display_width(text) <= width:
        return text
    kept = ""
    for character in text:
        if display_width(kept + character) >= width:
            break
        kept += character
    return f"{kept}…" if width > 0 else ""


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def printable(text: str, *, keep_lines: bool = False) -> str:
    """Return a text of whoever wrote it with nothing in it that a terminal would obey; as one line by default."""
    lines = text.splitlines() if keep_lines else [" ".join(text.split())]
    return "\n".join("".join(map(_harmless, line.expandtabs())) for line in lines)


def terminal_width(stream: OutputWrapper) -> int | None:
    """Return how wide the terminal is that a stream goes to; None for no terminal."""
    if not stream.isatty():
        return None
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(stream.fileno()).columns
    except (ValueError, OSError):
        columns = 0
    return columns if columns > 0 else shutil.get_terminal_size().columns


def status_colours(
    stream: OutputWrapper, *, no_color: bool = False, force_color: bool = False
) -> Callable[[str, str], str]:
    """Return what colours a text by a status: only on a terminal, and as the options and NO_COLOR want it."""
    is_coloured = force_color or (stream.isatty() and not no_color and not os.environ.get("NO_COLOR"))
    style: Style = color_style(force_color=True) if is_coloured else no_style()

    def coloured(text: str, status: str) -> str:
        role = ROLES.get(status)
        return getattr(style, role)(text) if role else text

    return coloured


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """Take from the widest column as long as the table is too wide."""
    narrowed = list(widths)
    while sum(narrowed) > room and max(narrowed) > NARROWEST:
        narrowed[narrowed.index(max(narrowed))] -= 1
    return narrowed


def _character_width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _harmless(character: str) -> str:
    is_obeyed = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in BIDI_CONTROLS
    return "\N{REPLACEMENT CHARACTER}" if is_obeyed else character
