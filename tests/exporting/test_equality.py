"""The file, read back with Python's csv module, equals the rows in the database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from brokerless.exports.formats.guard import guarded
from library.models import Book
from tests.exporting.making import make_book

pytestmark = pytest.mark.django_db

NASTY_TITLES = [
    "The Lion, the Witch and the Wardrobe",
    'The "Great" Gatsby',
    "Two\nlines",
    "Carriage\rreturn",
    "Both\r\nof them",
    "罪と罰",
    "أَلْفُ لَيْلَةٍ",
    "מלחמה ושלום",
    "📚🐍 emoji",
    " surrounded by blanks ",
    "=HYPERLINK(1)",
    "-1 is a text here",
    "@SUM(1)",
    "\tafter a tab",
    "tab\there",
    "'single'",
    ";semicolons;",
    "\\N",
    "NULL",
    "x" * 500,
]


def as_text(book: Book) -> dict[str, str]:
    """Return the row of a file that a book should be."""

    def text(value: object) -> str:
        return "" if value is None else str(value)

    return {
        "id": str(book.pk),
        "source_id": text(book.source_id),
        "title": guarded(book.title),
        "author": guarded(book.author.name),
        "contributors": guarded(book.contributors),
        "isbn13": book.isbn13,
        "published_year": text(book.published_year),
        "language": book.language,
        "average_rating": text(book.average_rating),
        "ratings_count": str(book.ratings_count),
        "available": "true" if book.available else "false",
        "added_at": timezone.localtime(book.added_at).isoformat(),
    }


def books() -> list[dict[str, str]]:
    return [as_text(book) for book in Book.objects.select_related("author").order_by("pk")]


@pytest.fixture
def shelf():
    for number, title in enumerate(NASTY_TITLES):
        make_book(title, author=f"{title[:90]} {number}", contributors=title * 3)
    make_book("Nothing known", source_id=None, published_year=None, average_rating=None, language="")
    make_book(
        "Everything known",
        source_id=2**40,
        published_year=-800,
        average_rating=Decimal("0.10"),
        ratings_count=2**31 - 1,
        isbn13="9780306406157",
        available=False,
        added_at=dt.datetime(1969, 12, 31, 23, 59, 59, 123456, tzinfo=dt.UTC),
    )


def test_the_rows_of_the_file_are_those_of_the_database(shelf, exported):
    assert exported() == books()


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Europe/Berlin"])
def test_moments_are_in_the_active_time_zone(shelf, exported, zone):
    with timezone.override(zone):
        rows = exported()
        assert rows == books()
    moments = [dt.datetime.fromisoformat(row["added_at"]) for row in rows]
    assert moments == [*Book.objects.order_by("pk").values_list("added_at", flat=True)]


@pytest.mark.django_db(transaction=True)
def test_on_postgresql_they_are_too(postgres, shelf, exported):
    assert exported() == books()
    assert exported("--language", "") == books()
