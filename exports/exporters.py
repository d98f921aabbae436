"""What the example site exports."""

from __future__ import annotations

from brokerless.exports.columns import Column
from brokerless.exports.exporter import Exporter
from brokerless.exports.registry import register
from library.filters import BookFilter
from library.models import Book


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
