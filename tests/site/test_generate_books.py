"""`manage.py generate_books`: how many, how plausible, how repeatable."""

from __future__ import annotations

import re
from io import StringIO
from random import Random
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from brokerless import launch
from brokerless.testing import inline_tasks
from library import generating
from library.inventing import invent_book, invent_writers
from library.isbn import with_check_digit
from library.management.commands import generate_books as command
from library.models import Author, Book

pytestmark = pytest.mark.django_db


def generate(*arguments, **options):
    """Run the command and return what it wrote to standard output."""
    out = StringIO()
    call_command("generate_books", *arguments, stdout=out, **options)
    return out.getvalue()


def contents():
    return list(Book.objects.order_by("pk").values_list("title", "author__name", *VALUES))


VALUES = (
    "contributors",
    "isbn13",
    "published_year",
    "language",
    "average_rating",
    "ratings_count",
    "available",
    "added_at",
)


def test_as_many_books_as_asked_for_are_created():
    out = generate(321)
    assert Book.objects.filter(source_id=None).count() == 321
    assert re.fullmatch(r"321 books in \d+\.\d s \([\d,]+ rows/s\)\n", out)


def test_one_book_needs_one_author():
    generate(1)
    assert (Book.objects.count(), Author.objects.count()) == (1, 1)


def test_every_book_passes_the_models_own_validation():
    generate(300, seed=1)
    for book in Book.objects.all():
        book.full_clean(exclude=["author"])


def test_isbns_are_valid():
    generate(300, seed=2)
    isbns = list(Book.objects.exclude(isbn13="").values_list("isbn13", flat=True))
    assert len(isbns) > 200
    assert [isbn for isbn in isbns if with_check_digit(isbn[:12]) != isbn] == []


def test_books_are_varied():
    generate(3000, seed=3)
    books = Book.objects.all()
    assert books.values("language").distinct().count() > 10
    assert books.values("title").distinct().count() > 1500
    assert Author.objects.filter(books__isnull=False).distinct().count() > 200
    assert books.filter(title__regex=r"^[^\x00-\x7f]+$").exists(), "no title in another script"
    for some in [
        books.filter(published_year__lt=0),
        books.filter(published_year=None),
        books.filter(average_rating=None, ratings_count=0),
        books.filter(available=False),
        books.filter(isbn13=""),
        books.exclude(contributors=""),
    ]:
        assert 0 < some.count() < 1000


def test_a_seed_makes_the_same_books_again():
    generate(200, seed=42)
    first = contents()
    Book.objects.all().delete()
    Author.objects.all().delete()
    generate(200, seed=42, batch_size=7)
    assert contents() == first


def test_another_seed_makes_other_books():
    generate(50, seed=1)
    first = contents()
    Book.objects.all().delete()
    generate(50, seed=2)
    assert contents() != first


def test_authors_that_exist_are_used_again():
    generate(50, seed=5)
    authors = Author.objects.count()
    generate(50, seed=5)
    assert (Author.objects.count(), Book.objects.count()) == (authors, 100)


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (50, [10])])
def test_books_are_written_in_batches(monkeypatch, batch_size, sizes):
    written = []
    monkeypatch.setattr(generating, "insert_books", lambda books: written.append(len(books)))
    generate(10, batch_size=batch_size)
    assert written == sizes


def test_what_is_stored_is_what_was_invented():
    assert_stored_as_invented()


@pytest.mark.usefixtures("postgres")
def test_on_postgresql_too_what_is_stored_is_what_was_invented():
    assert_stored_as_invented()


def assert_stored_as_invented():
    generate(400, seed=42)
    random = Random(42)
    writers = invent_writers(300, random=random)
    invented = [invent_book(writers, author_ids=range(300), random=random) for _ in range(400)]
    names = [writers[book.author_id].name for book in invented]
    values = [tuple(getattr(book, name) for name in VALUES) for book in invented]
    assert contents() == [
        (book.title, name, *rest) for book, name, rest in zip(invented, names, values, strict=True)
    ]


def test_verbosity_0_prints_nothing():
    assert generate(5, verbosity=0) == ""
    assert Book.objects.count() == 5


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "many", "", "11", "9" * 5000])
def test_a_count_that_is_none_is_refused(settings, count):
    settings.GENERATE_BOOKS_MAXIMUM = 10
    with pytest.raises(CommandError, match=r"not a whole number from 1 to 10\."):
        generate("--", count)
    assert not Book.objects.exists()


def test_the_maximum_itself_is_taken(settings):
    settings.GENERATE_BOOKS_MAXIMUM = 10
    generate(10)
    assert Book.objects.count() == 10


@pytest.mark.parametrize("size", ["0", "2501", "x"])
def test_a_batch_of_no_or_too_many_books_is_refused(size):
    with pytest.raises(CommandError, match=r"--batch-size: .* not a whole number from 1 to 2,500\."):
        generate(1, "--batch-size", size)


def test_a_task_gets_the_number_and_the_time_as_its_result(monkeypatch):
    task = SimpleNamespace(result=None)
    monkeypatch.setattr(command, "current_task", lambda: task)
    generate(3)
    assert task.result["books"] == 3
    assert 0 < task.result["seconds"] < 60


@pytest.mark.parametrize(("told_from", "said"), [(100, ["25 %", "50 %", "75 %"]), (101, [])])
def test_the_owner_is_told_of_each_quarter_of_many_books(monkeypatch, told_from, said):
    monkeypatch.setattr(generating, "TOLD_FROM", told_from)
    with inline_tasks():
        task = launch("generate_books", arguments=[100], options={"batch_size": 10})
    assert [notice["text"] for notice in task.notices] == [f"{part} of the books are there." for part in said]
