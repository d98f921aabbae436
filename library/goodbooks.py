"""Books read from a CSV file in the columns of goodbooks-10k, one line at a time."""

from __future__ import annotations

import csv
import stat
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from library.cells import BadLineError, Cells
from library.isbn import isbn13_from_isbn10
from library.models import (
    EARLIEST_YEAR,
    HIGHEST_RATING,
    LANGUAGE_LENGTH,
    LATEST_YEAR,
    LOWEST_RATING,
    NAME_LENGTH,
    TITLE_LENGTH,
)
from library.number_set import NumberSet

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(__file__).parent / "data" / "sample.csv"
# The columns that are read. Not `isbn13`: in goodbooks it is a float that has lost its last digits.
COLUMNS = (
    "book_id",
    "isbn",
    "authors",
    "original_publication_year",
    "title",
    "language_code",
    "average_rating",
    "ratings_count",
)
LARGEST_ID = 2**63 - 1
LARGEST_COUNT = 2**31 - 1
HUNDREDTHS = Decimal("0.01")


class BookFileError(Exception):
    """The file cannot be read, or no further; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A book as the file has it, under the names of the fields of `Book`; the author is a name."""

    source_id: int
    title: str
    author: str
    contributors: str
    isbn13: str
    published_year: int | None
    language: str
    average_rating: Decimal | None
    ratings_count: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that holds no book: its number in the file, counted from 1, and what is wrong with it."""

    line: int
    reason: str


def count_rows(path: Path) -> int | None:
    """Estimate by the lines how many books a file holds; None for what can be read but once, such as a pipe.

    Raises BookFileError if the file cannot be read to its end, so that a broken one is refused beforehand.
    """
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise BookFileError(f"{path} cannot be read: {error.strerror}.") from error
    if not is_regular:
        return None
    return max(sum(1 for _ in _lines(path)) - 1, 0)  # without the header


def read_rows(path: Path) -> Iterator[Row | Refusal]:
    """Yield the book of each line, or why there is none; blank lines are passed over.

    Raises BookFileError if the file cannot be read, or if its header lacks a column.
    """
    reader = csv.reader(_lines(path))
    columns = _columns(path, reader)
    seen = NumberSet()
    while True:
        line = reader.line_num + 1  # where the record begins: a quoted cell may hold line breaks
        try:
            if cells := next(reader):
                row = _row(Cells(columns, cells))
                if not seen.add(row.source_id):
                    raise BadLineError(f"book_id {row.source_id} occurred before")
                yield row
        except StopIteration:
            return
        except (BadLineError, csv.Error) as error:
            yield Refusal(line, str(error))


def _lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except OSError as error:
        raise BookFileError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BookFileError(f"{path} is not UTF-8: see line {number}.") from error


def _columns(path: Path, reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next(reader)
    except StopIteration:
        raise BookFileError(f"{path} is empty.") from None
    except csv.Error as error:
        raise BookFileError(f"{path} is not CSV: {error}.") from error
    columns = [name.strip() for name in header]
    if missing := [name for name in COLUMNS if name not in columns]:
        raise BookFileError(f"{path} lacks columns that its first line must name: {', '.join(missing)}.")
    return columns


def _row(cells: Cells) -> Row:
    source_id = cells.whole_number("book_id", least=1, most=LARGEST_ID)
    if source_id is None:
        raise BadLineError("book_id is empty")
    title = cells.text("title", longest=TITLE_LENGTH)
    if not title:
        raise BadLineError("title is empty")
    names = cells.names("authors", longest=NAME_LENGTH)
    if not names:
        raise BadLineError("authors names nobody")
    rating = cells.number("average_rating", least=LOWEST_RATING, most=HIGHEST_RATING)
    return Row(
        source_id=source_id,
        title=title,
        author=names[0],
        contributors=", ".join(names[1:]),
        isbn13=isbn13_from_isbn10(cells.text("isbn")),
        published_year=cells.whole_number("original_publication_year", least=EARLIEST_YEAR, most=LATEST_YEAR),
        language=cells.text("language_code", longest=LANGUAGE_LENGTH),
        average_rating=None if rating is None else rating.quantize(HUNDREDTHS),
        ratings_count=cells.whole_number("ratings_count", least=0, most=LARGEST_COUNT) or 0,
    )
