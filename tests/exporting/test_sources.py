"""Rows from the database: every value as the file shows it, in blocks, with one statement."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import chain

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.utils import timezone

from brokerless.exports import sources
from brokerless.exports.columns import Column
from library.models import Book
from tests.exporting.making import make_book, make_many_books

pytestmark = pytest.mark.django_db


def rows_of(queryset, *paths) -> list[tuple]:
    source = sources.choose_source(queryset, [Column(path) for path in paths])
    return [row for block in source.blocks() for row in block]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("available", True, "true"),
        ("available", False, "false"),
        ("average_rating", Decimal("4.50"), "4.50"),
        ("average_rating", None, ""),
        ("published_year", -800, -800),
        ("published_year", None, None),
        ("source_id", None, None),
        ("contributors", "", ""),
    ],
)
def test_a_value_is_shown_as_the_file_has_it(field, value, shown):
    make_book(**{field: value})
    assert rows_of(Book.objects.all(), field) == [(shown,)]


def test_a_decimal_has_no_exponent():
    render = Column("average_rating").renderer(Book)
    assert render([Decimal("1E+2"), Decimal("1E-9")]) == ["100", "0.000000001"]


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
        assert rows_of(Book.objects.all(), "added_at") == [(shown,)]


def test_a_moment_that_was_never_is_empty():
    User.objects.create(username="ann", last_login=None)
    assert rows_of(User.objects.all(), "last_login") == [("",)]


def test_a_naive_moment_has_no_offset():
    naive = dt.datetime(2024, 1, 31, tzinfo=dt.UTC).replace(tzinfo=None)
    assert Column("added_at").renderer(Book)([naive]) == ["2024-01-31T00:00:00"]


def test_a_path_follows_relations_and_pk_is_the_primary_key():
    book = make_book(author="Sappho")
    assert rows_of(Book.objects.all(), "pk", "author__name", "author__pk") == [(book.pk, "Sappho", book.author_id)]


def test_a_path_that_leads_nowhere_is_an_error():
    with pytest.raises(FieldDoesNotExist):
        Column("author__publisher").renderer(Book)


def test_the_label_is_the_header_and_the_path_if_there_is_none():
    assert Column("author__name", label="author").header == "author"
    assert Column("author__name").header == "author__name"


def test_rows_come_in_blocks_in_the_queryset_s_order(monkeypatch):
    monkeypatch.setattr(sources, "BLOCK_ROWS", 4)
    make_many_books(10)
    source = sources.choose_source(Book.objects.order_by("-pk"), [Column("pk")])
    blocks = [[key for (key,) in block] for block in source.blocks()]
    assert [len(block) for block in blocks] == [4, 4, 2]
    keys = [*chain(*blocks)]
    assert keys == sorted(keys, reverse=True)


def test_no_row_makes_no_block():
    assert rows_of(Book.objects.none(), "pk") == []


def test_one_statement_reads_them_all(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(sources, "BLOCK_ROWS", 4)
    make_many_books(10)
    with django_assert_num_queries(1):
        assert len(rows_of(Book.objects.all(), "pk", "author__name")) == 10


@pytest.mark.django_db(transaction=True)
def test_on_sqlite_other_writers_are_not_kept_out():
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite only: a transaction of mode IMMEDIATE would lock the database")
    with sources.one_moment(Book.objects.all()):
        assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_on_postgresql_the_rows_are_read_in_a_transaction(postgres):
    with sources.one_moment(Book.objects.all()):
        assert connection.in_atomic_block
