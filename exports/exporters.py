"""What the example site exports."""

from __future__ import annotations

from django.db.models import Count

from brokerless.exports.columns import Column
from brokerless.exports.exporter import Exporter
from brokerless.exports.registry import register
from library.filters import AuthorFilter, BookFilter
from library.models import Author, Book


@register("books")
class BookExporter(Exporter):
    """The books, with the names of their authors."""

    queryset = Book.objects.order_by("pk")
    columns = (
        Column("pk", label="id"),
        "source_id",
        "title",
        Column("author__name", label="author"),
        "contributors",
        "isbn13",
        "published_year",
        "language",
        "average_rating",
        "ratings_count",
        "available",
        "added_at",
    )
    filterset_class = BookFilter


def decades(author: Author) -> str:
    """Return the decades in which the author's books were published: 1920s, 1930s."""
    years = {book.published_year for book in author.books.all()} - {None}
    found = sorted({int(year / 10) * 10 for year in years})  # of years BC towards zero, too
    return ", ".join(f"{decade}s" if decade >= 0 else f"{-decade}s BC" for decade in found)


@register("authors")
class AuthorExporter(Exporter):
    """The authors, with what their books come to."""

    queryset = Author.objects.order_by("pk")
    columns = (
        Column("pk", label="id"),
        "name",
        Column(Count("books"), name="books"),  # the database counts
        Column(decades, prefetch=["books"]),  # Python looks at each author; left out, the export is faster
    )
    filterset_class = AuthorFilter
