"""What is compared with, each a process of its own: `python -m bench.exports.peers NAME TARGET ROWS`.

Each is written as its documentation shows it, with the columns and the order of the example site's exporter, and
compresses as a Python programmer would: with `gzip.open()` and its default level.
"""

from __future__ import annotations

import csv
import gzip
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from library.models import Book

HEADER = (
    "id",
    "source_id",
    "title",
    "author",
    "contributors",
    "isbn13",
    "published_year",
    "language",
    "average_rating",
    "ratings_count",
    "available",
    "added_at",
)
CHUNK = 2000


def main() -> None:
    import django

    django.setup()
    name, target, rows = sys.argv[1:]
    PEERS[name](target, int(rows))


def classic(target: str, rows: int) -> None:
    _write(target, books(rows))


def classic_with_iterator(target: str, rows: int) -> None:
    _write(target, books(rows).iterator(CHUNK))


def django_import_export(target: str, rows: int) -> None:
    from import_export.fields import Field
    from import_export.resources import ModelResource

    from library.models import Book

    class BookResource(ModelResource):
        author = Field("author__name", column_name="author")

        class Meta:
            model = Book
            fields = HEADER

    dataset = BookResource().export(queryset=books(rows))
    with gzip.open(target, "wt", encoding="utf-8", newline="") as file:
        file.write(dataset.csv)


def django_postgres_copy(target: str, rows: int) -> None:
    from postgres_copy import CopyQuerySet

    from library.models import Book

    fields = ["author__name" if name == "author" else name for name in HEADER]
    with gzip.open(target, "wb") as file:
        CopyQuerySet(Book).order_by("pk")[:rows].to_csv(file, *fields)


def books(rows: int) -> QuerySet[Book]:
    from library.models import Book

    return Book.objects.select_related("author").order_by("pk")[:rows]


def _write(target: str, found: Iterable[Book]) -> None:
    with gzip.open(target, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for book in found:
            writer.writerow(_cells(book))


def _cells(book: Book) -> tuple[Any, ...]:
    return (
        book.pk,
        book.source_id,
        book.title,
        book.author.name,
        book.contributors,
        book.isbn13,
        book.published_year,
        book.language,
        book.average_rating,
        book.ratings_count,
        book.available,
        book.added_at,
    )


PEERS = {
    "classic": classic,
    "iterator": classic_with_iterator,
    "import_export": django_import_export,
    "postgres_copy": django_postgres_copy,
}

if __name__ == "__main__":
    main()
