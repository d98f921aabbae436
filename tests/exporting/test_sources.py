"""Rows through the ORM: values of the columns' kinds, in blocks, with one statement."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import chain

import pytest
from django.contrib.auth.models import User
from django.db.models import Count
from django.utils import timezone

from brokerless.exports.columns import Column
from brokerless.exports.exceptions import OutputError, UnsuitableValue
from brokerless.exports.formats.layout import Layout
from brokerless.exports.kinds import Kind
from brokerless.exports.planning import plan
from brokerless.exports.sources import portable
from brokerless.exports.sources.portable import PortableSource
from library.models import Author, Book
from tests.exporting.making import make_book, make_many_books

pytestmark = pytest.mark.django_db


def source_of(queryset, *columns) -> PortableSource:
    declared = [column if isinstance(column, Column) else Column(column) for column in columns]
    return PortableSource(plan(queryset, declared), Layout(compress="none"))


def rows_of(queryset, *columns) -> list[tuple]:
    return [*chain(*source_of(queryset, *columns).blocks())]


def text_of(queryset, *columns) -> str:
    return b"".join(chunk.data for chunk in source_of(queryset, *columns).chunks()).decode()


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("available", True, "true"),
        ("available", False, "false"),
        ("average_rating", Decimal("4.50"), "4.50"),
        ("average_rating", None, ""),
        ("published_year", -800, "-800"),
        ("published_year", None, ""),
        ("contributors", "", ""),
        ("contributors", "-800", "'-800"),
    ],
)
def test_a_value_is_shown_as_the_file_has_it(field, value, shown):
    book = make_book(**{field: value})
    assert text_of(Book.objects.all(), "pk", field) == f"{book.pk},{shown}\n"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "2024-01-31T23:30:00+00:00"),
        ("Asia/Kolkata", "2024-02-01T05:00:00+05:30"),
        ("America/New_York", "2024-01-31T18:30:00-05:00"),
    ],
)
def test_a_moment_is_shown_in_the_active_time_zone_with_its_offset(zone, shown):
    make_book(added_at=dt.datetime(2024, 1, 31, 23, 30, tzinfo=dt.UTC))
    with timezone.override(zone):
        assert text_of(Book.objects.all(), "added_at") == f"{shown}\n"


def test_a_moment_that_was_never_is_nothing():
    User.objects.create(username="ann", last_login=None)
    assert rows_of(User.objects.all(), "last_login") == [(None,)]


def test_a_moment_that_the_zone_pushes_out_of_the_calendar_is_refused_with_its_place():
    make_book("first")
    make_book("second", added_at=dt.datetime(1, 1, 1, tzinfo=dt.UTC))
    with (
        timezone.override("America/New_York"),
        pytest.raises(UnsuitableValue, match=r"^Row 2, column “added_at”: "),
    ):
        rows_of(Book.objects.all(), "added_at")


@pytest.mark.parametrize("title", ["a\0b", "half of a \ud800 character"])
def test_a_text_that_no_file_can_hold_is_refused_with_its_place(title):
    make_book("first")
    make_book("second")
    columns = ["pk", Column(lambda book: title if book.title == "second" else "", name="odd", label="Odd")]
    with pytest.raises(UnsuitableValue, match=r"^Row 2, column “Odd”: a text with"):
        text_of(Book.objects.all(), *columns)


def test_a_path_follows_relations_and_pk_is_the_primary_key():
    book = make_book(author="Sappho")
    paths = "pk", "author__name", "author__pk", "author"
    assert rows_of(Book.objects.all(), *paths) == [(book.pk, "Sappho", book.author_id, book.author_id)]


def test_an_expression_is_computed_by_the_database():
    for author, books in (("Homer", 2), ("Sappho", 1), ("Unread", 0)):
        Author.objects.create(name=author)
        for number in range(books):
            make_book(f"{author} {number}", author=author)
    rows = rows_of(Author.objects.all(), "name", Column(Count("books"), name="books"))
    assert rows == [("Homer", 2), ("Sappho", 1), ("Unread", 0)]


def test_a_callable_is_given_the_instance_beside_paths_and_expressions():
    make_book("Odyssey", author="Homer")
    shouted = Column(lambda author: author.name.upper(), name="shouted")
    rows = rows_of(Author.objects.all(), shouted, "name", Column(Count("books"), name="books"))
    assert rows == [("HOMER", "Homer", 1)]


def test_what_a_callable_reads_beside_is_fetched_with_all_of_a_block(django_assert_num_queries):
    for number in range(5):
        make_book(f"{number}", author=f"Author {number % 2}")

    def titles(author):
        return " ".join(sorted(book.title for book in author.books.all()))

    with django_assert_num_queries(2):
        assert rows_of(Author.objects.all(), Column(titles, prefetch=["books"])) == [("0 2 4",), ("1 3",)]
    with django_assert_num_queries(1):
        named = Column(lambda book: book.author.name, name="by", select_related=["author"])
        assert len(rows_of(Book.objects.all(), named)) == 5


def test_rows_that_look_alike_stay_rows_of_their_own_in_a_distinct_queryset():
    make_book("Same")
    make_book("Same", author="Another")
    assert rows_of(Book.objects.distinct(), "title") == [("Same",), ("Same",)]
    assert rows_of(Book.objects.order_by("title").distinct(), "title") == [("Same",), ("Same",)]


def test_ties_are_in_the_order_of_the_key():
    keys = [make_book(f"{9 - number}").pk for number in range(9)]
    assert rows_of(Book.objects.order_by("language"), "pk") == [(key,) for key in keys]
    assert rows_of(Book.objects.order_by("language").reverse(), "pk") == [(key,) for key in reversed(keys)]
    assert rows_of(Book.objects.order_by("-title")[2:4], "pk") == [(key,) for key in keys[2:4]]


@pytest.mark.parametrize(
    ("queryset", "ordering"),
    [
        (Book.objects.order_by("title"), ("title", "pk")),
        (Book.objects.order_by("-source_id"), ("-source_id", "pk")),  # unique, but for nothing
        (Book.objects.order_by("title", "-pk"), ("title", "-pk")),
        (Author.objects.order_by("-name"), ("-name",)),  # unique
        (Author.objects.order_by(), ("pk",)),
        (Book.objects.order_by("?"), ("?",)),
    ],
)
def test_only_an_order_that_leaves_ties_is_added_to(queryset, ordering):
    assert plan(queryset, [Column("pk")]).queryset.query.order_by == ordering


def test_groups_are_rows_too():
    for language in ("eng", "eng", "ger"):
        make_book(f"{language} {Book.objects.count()}", language=language)
    groups = Book.objects.values("language").annotate(count=Count("pk")).order_by("language")
    assert rows_of(groups, "language", "count") == [("eng", 2), ("ger", 1)]


def test_a_union_is_refused_with_the_remedy():
    with pytest.raises(OutputError, match=r"filter\(pk__in=…\)"):
        plan(Book.objects.union(Book.objects.all()), [Column("pk")])


def test_rows_come_in_blocks_in_the_queryset_s_order(monkeypatch):
    monkeypatch.setattr(portable, "BLOCK_ROWS", 4)
    make_many_books(10)
    blocks = [[key for (key,) in block] for block in source_of(Book.objects.order_by("-pk"), "pk").blocks()]
    assert [len(block) for block in blocks] == [4, 4, 2]
    keys = [*chain(*blocks)]
    assert keys == sorted(keys, reverse=True)


def test_no_row_makes_no_block():
    assert rows_of(Book.objects.none(), "pk") == []


def test_one_statement_reads_them_all(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(portable, "BLOCK_ROWS", 4)
    make_many_books(10)
    with django_assert_num_queries(1):
        assert len(rows_of(Book.objects.all(), "pk", "author__name")) == 10


def test_the_kinds_follow_from_the_fields():
    names = ["pk", "title", "author", "average_rating", "available", "added_at", "added_at__year"]
    columns = plan(Book.objects.all(), [Column(name) for name in names]).columns
    kinds = [Kind.INTEGER, Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.BOOLEAN, Kind.MOMENT, Kind.INTEGER]
    assert [column.kind for column in columns] == kinds
    assert (columns[3].max_digits, columns[3].decimal_places) == (3, 2)
