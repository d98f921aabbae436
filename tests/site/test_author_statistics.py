"""The statistics of authors: what is computed of their books, the same on every database."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from library import statistics
from library.models import Author, AuthorStatistics, Book
from library.statistics import recompute_statistics
from library.tasks import recompute_author_statistics
from tests.exporting.making import make_book

MOST_RATINGS = 2**31 - 1  # of one book
# An average, and the books that make it: each of an average and a number of ratings.
AVERAGES = {
    "4.75": [("4.00", 1), ("5.00", 3)],
    "4.12": [("4.12", 2), ("4.13", 1)],
    "4.13": [("4.12", 1), ("4.13", 1)],  # a tie
    "4.14": [("4.13", 1), ("4.14", 1)],  # another, which goes up, too
    "0.01": [("0.00", 1), ("0.01", 1)],
    "0.00": [("0.00", 4)],
    "2.35": [("2.34", MOST_RATINGS), ("2.35", MOST_RATINGS)],  # a tie of large numbers
    "5.00": [("5.00", MOST_RATINGS), ("5.00", MOST_RATINGS), ("0.00", 0), (None, 8)],
}
NO_AVERAGES = {"no books": [], "no average": [(None, 7)], "nothing": [(None, 0)], "no ratings": [("3.00", 0)]}


pytestmark = pytest.mark.django_db


@pytest.fixture(params=["default", "postgres"])
def _every_database(transactional_db, request):
    if request.param == "postgres":
        request.getfixturevalue("postgres")


every_database = pytest.mark.usefixtures("_every_database")


@pytest.fixture
def small_batches(monkeypatch):
    """Have two authors in a batch, and return the list of the batches that are stored."""
    stored = []
    real = statistics._store
    monkeypatch.setattr(statistics, "BATCH_SIZE", 2)
    monkeypatch.setattr(statistics, "_store", lambda batch: (stored.append(len(batch)), real(batch)))
    return stored


def rate(author, *books):
    """Make an author with books, each of an average and a number of ratings."""
    Author.objects.create(name=author)
    for average, ratings in books:
        make_book(author=author, average_rating=average and Decimal(average), ratings_count=ratings)


def contents():
    names = ["author__name", "books_count", "ratings_count", "average_rating", "first_year", "last_year"]
    return list(AuthorStatistics.objects.order_by("author__name").values_list(*names))


def computed_at():
    return list(AuthorStatistics.objects.values_list("computed_at", flat=True))


@every_database
def test_an_author_s_books_are_summed_up():
    make_book("One", author="Ann", average_rating=Decimal("4.00"), ratings_count=1, published_year=1950)
    make_book("Two", author="Ann", average_rating=Decimal("5.00"), ratings_count=3, published_year=1920)
    make_book("Three", author="Bob", average_rating=Decimal("2.50"), ratings_count=10, published_year=-400)
    before = timezone.now()
    assert recompute_statistics() == {"authors": 2, "books": 3}
    assert contents() == [
        ("Ann", 2, 4, Decimal("4.75"), 1920, 1950),
        ("Bob", 1, 10, Decimal("2.50"), -400, -400),
    ]
    assert all(before <= moment <= timezone.now() for moment in computed_at())


def test_an_author_without_books_has_statistics_too():
    Author.objects.create(name="Ann")
    assert recompute_statistics() == {"authors": 1, "books": 0}
    assert contents() == [("Ann", 0, 0, None, None, None)]


@every_database
def test_what_a_book_does_not_say_is_left_out():
    make_book("Undated", author="Ann", published_year=None, average_rating=None, ratings_count=5)
    make_book("Unread", author="Ann", published_year=1900, average_rating=Decimal("1.00"), ratings_count=0)
    make_book("Loved", author="Ann", published_year=1910, average_rating=Decimal("4.50"), ratings_count=2)
    recompute_statistics()
    assert contents() == [("Ann", 3, 7, Decimal("4.50"), 1900, 1910)]


@every_database
def test_an_average_is_of_ratings_and_rounded_to_hundredths():
    for average, books in (AVERAGES | NO_AVERAGES).items():
        rate(average, *books)
    recompute_statistics()
    expected = {average: Decimal(average) for average in AVERAGES} | dict.fromkeys(NO_AVERAGES)
    assert dict(AuthorStatistics.objects.values_list("author__name", "average_rating")) == expected


@every_database
def test_ratings_may_be_more_than_a_column_of_books_holds():
    rate("Ann", ("5.00", MOST_RATINGS), ("5.00", MOST_RATINGS))
    recompute_statistics()
    assert AuthorStatistics.objects.get().ratings_count == 2 * MOST_RATINGS


def test_one_author_alone_is_computed():
    book = make_book(author="Ann", ratings_count=1)
    make_book(author="Bob", ratings_count=2)
    recompute_statistics()
    Book.objects.update(ratings_count=50)
    assert recompute_statistics(book.author_id) == {"authors": 1, "books": 1}
    assert [(name, ratings) for name, _, ratings, *_ in contents()] == [("Ann", 50), ("Bob", 2)]


def test_an_author_who_is_gone_is_no_fault():
    assert recompute_statistics(4711) == {"authors": 0, "books": 0}
    assert contents() == []


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (2, [2]), (4, [2, 2]), (5, [2, 2, 1])])
def test_authors_are_stored_in_batches(small_batches, count, sizes):
    for number in range(count):
        rate(f"Author {number}", ("4.00", number))
    assert recompute_statistics() == {"authors": count, "books": count}
    assert small_batches == sizes
    assert [ratings for _, _, ratings, *_ in contents()] == list(range(count))


@every_database
def test_a_second_run_gives_the_same_and_says_when(small_batches):
    for name in ("Ann", "Bob", "Cid"):
        rate(name, ("4.20", 3), (None, 0))
    recompute_statistics()
    first = contents()
    AuthorStatistics.objects.update(computed_at=timezone.now() - timedelta(days=1))
    recompute_statistics()
    assert contents() == first
    assert min(computed_at()) > timezone.now() - timedelta(hours=1)


def test_what_has_changed_is_computed_anew():
    rate("Ann", ("4.20", 3))
    recompute_statistics()
    Book.objects.all().delete()
    recompute_statistics()
    assert contents() == [("Ann", 0, 0, None, None, None)]


def test_the_statistics_go_with_their_author():
    author = Author.objects.create(name="Ann")
    recompute_statistics()
    author.delete()
    assert contents() == []


@every_database
def test_an_author_deleted_in_between_fails_one_run_and_not_the_next(monkeypatch):
    rate("Ann", ("4.00", 1))
    author = Author.objects.create(name="Bob")
    real = statistics._store
    with monkeypatch.context() as patch:
        patch.setattr(statistics, "_store", lambda batch: (author.delete(), real(batch)))
        with pytest.raises(IntegrityError):
            recompute_statistics()
    assert recompute_statistics() == {"authors": 1, "books": 1}
    assert [name for name, *_ in contents()] == ["Ann"]


def test_the_task_computes_them():
    rate("Ann", ("4.00", 1))
    assert recompute_author_statistics.call() == {"authors": 1, "books": 1}
    assert contents() == [("Ann", 1, 1, Decimal("4.00"), None, None)]
