"""Rows of a file stored as books: new ones created, changed ones updated, the others left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import reset_queries

from library.authors import author_ids
from library.batches import BATCH_SIZE, in_batches
from library.goodbooks import Refusal, Row
from library.models import Book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# What a later load overwrites; whether a book is available and when it was added are the library's own.
COPIED_FIELDS = (
    "title",
    "contributors",
    "isbn13",
    "published_year",
    "language",
    "average_rating",
    "ratings_count",
)


@dataclass(slots=True)
class Counts:
    """How many rows were read, and what became of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def read(self) -> int:
        return self.created + self.updated + self.unchanged + self.refused

    def __str__(self) -> str:
        return (
            f"{self.read} read: {self.created} created, {self.updated} updated, "
            f"{self.unchanged} unchanged, {self.refused} refused"
        )


def load_books(
    rows: Iterable[Row | Refusal],
    *,
    on_refusal: Callable[[Refusal], None],
    batch_size: int = BATCH_SIZE,
) -> Counts:
    """Store the rows, telling `on_refusal` of those that are none, and return what became of them.

    Each batch is stored by itself: what raises from `rows` leaves the batches before it stored. Several
    loads may run at once; a row that is new to two of them is stored once and counted as created by both.
    """
    counts = Counts()
    for batch in in_batches(_accepted(rows, counts, on_refusal), size=batch_size):
        _store(batch, counts)
        reset_queries()  # under DEBUG Django keeps the statements, with all their values
    return counts


def _accepted(
    rows: Iterable[Row | Refusal], counts: Counts, on_refusal: Callable[[Refusal], None]
) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, Refusal):
            counts.refused += 1
            on_refusal(row)
        else:
            yield row


def _store(rows: Sequence[Row], counts: Counts) -> None:
    stored = _stored_books(rows)
    new = [row for row in rows if row.source_id not in stored]
    changed = [row for row in rows if row.source_id in stored and _differs(row, stored[row.source_id])]
    _write([*new, *changed])
    counts.created += len(new)
    counts.updated += len(changed)
    counts.unchanged += len(rows) - len(new) - len(changed)


def _stored_books(rows: Sequence[Row]) -> dict[int, Book]:
    keys = [row.source_id for row in rows]
    return Book.objects.select_related("author").in_bulk(keys, field_name="source_id")


def _differs(row: Row, book: Book) -> bool:
    return row.author != book.author.name or any(
        getattr(row, field) != getattr(book, field) for field in COPIED_FIELDS
    )


def _write(rows: Sequence[Row]) -> None:
    """Create or update the books in one transaction, their authors beforehand in another.

    Both take what another load has inserted since the look as it comes, and both go through the
    rows in the order of the key, so that two loads wait for each other and never in a circle.
    """
    ids = author_ids(row.author for row in rows)
    books = [_book(row, ids[row.author]) for row in sorted(rows, key=lambda row: row.source_id)]
    Book.objects.bulk_create(
        books,
        update_conflicts=True,
        unique_fields=["source_id"],
        update_fields=["author", *COPIED_FIELDS],
    )


def _book(row: Row, author_id: int) -> Book:
    copied = {field: getattr(row, field) for field in COPIED_FIELDS}
    return Book(source_id=row.source_id, author_id=author_id, **copied)
