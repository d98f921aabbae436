"""The cells of one line of a CSV file as the values they stand for, or the reason why they stand for none."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Decimal() alone would take "NaN", "1e9", "1_000" and the digits of every script.
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
LONGEST_QUOTE = 40  # characters of a wrong cell that a message repeats


class BadLineError(Exception):
    """A line holds no book; the text says why."""


class Cells:
    """The cells of a line, by column; every method raises BadLineError for a cell that is wrong."""

    def __init__(self, columns: Sequence[str], cells: Sequence[str]) -> None:
        if len(cells) != len(columns):
            raise BadLineError(f"{len(cells)} cells where the header has {len(columns)}")
        if any("\0" in cell for cell in cells):
            raise BadLineError("a NUL character")
        self._cells = dict(zip(columns, cells, strict=True))

    def text(self, column: str, *, longest: int | None = None) -> str:
        """Return the text without the spaces around it, and one for each run of spaces within."""
        text = _without_spare_spaces(self._cells[column])
        if longest is not None and len(text) > longest:
            raise BadLineError(f"{column} has {len(text)} characters, {longest} are allowed")
        return text

    def names(self, column: str, *, longest: int) -> list[str]:
        """Return the names between the commas, none of them empty."""
        names = [_without_spare_spaces(name) for name in self._cells[column].split(",")]
        if too_long := [name for name in names if len(name) > longest]:
            raise BadLineError(f"{column} has a name of {len(too_long[0])} characters, {longest} are allowed")
        return [name for name in names if name]

    def number(self, column: str, *, least: int | Decimal, most: int | Decimal) -> Decimal | None:
        """Return the number within its bounds, None for an empty cell."""
        text = self._cells[column].strip()
        if not text:
            return None
        if not NUMBER.fullmatch(text):
            raise BadLineError(f"{column} is not a number: {_quoted(text)}")
        number = Decimal(text)
        if not least <= number <= most:
            raise BadLineError(f"{column} is not between {least} and {most}: {_quoted(text)}")
        return number

    def whole_number(self, column: str, *, least: int, most: int) -> int | None:
        """Return the whole number, which may be written with decimals that are zero ("2008.0"), or None."""
        number = self.number(column, least=least, most=most)
        if number is None:
            return None
        if number != int(number):
            raise BadLineError(f"{column} is not a whole number: {_quoted(str(number))}")
        return int(number)


def _without_spare_spaces(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    return repr(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…")
