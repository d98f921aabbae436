"""Filters over a relation to many neither repeat rows nor change what columns count."""

from __future__ import annotations

import django_filters
import pytest
from django.db import connection
from django.db.models import Count, OuterRef, Subquery

from brokerless.exports.asking.each_once import each_once
from brokerless.exports.columns import Column
from library.models import Author, Book
from tests.exporting.declaring import declare, rows_of
from tests.exporting.making import make_book


class ByBook(django_filters.FilterSet):
    title = django_filters.CharFilter(field_name="books__title", lookup_expr="contains")
    books = django_filters.ModelMultipleChoiceFilter(queryset=Book.objects.all())
    name = django_filters.CharFilter()
    order = django_filters.OrderingFilter(fields=["name"])
    first = django_filters.CharFilter(method="only_first")

    def only_first(self, queryset, name, value):
        return queryset.filter(books__title__contains=value).order_by("-name")[:3]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, transactional_db):
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    elif connection.vendor != "sqlite":
        pytest.skip("the suite is run on another database")


@pytest.fixture
def shelf(database):
    return [make_book(f"x{n}", author="Ann") for n in range(3)] + [
        make_book("x9", author="Ben"),
        make_book("y", author="Ben"),
        make_book("y", author="Cid"),
    ]


@pytest.fixture
def exporter(monkeypatch):
    def made(queryset):
        columns = ("name", Column(Count("books"), name="n"), Column(lambda author: author.pk, name="called"))
        values = {"queryset": queryset, "columns": columns, "filterset_class": ByBook}
        return declare(monkeypatch, "by_book", **values)

    return made


@pytest.mark.parametrize("columns", ["name", "name,n", "name,called", "name,n,called"])
@pytest.mark.parametrize("order", ["pk", "-name"])
def test_each_row_is_there_once_and_counts_all(shelf, exporter, tmp_path, columns, order):
    both = [f"--books={shelf[0].pk}", f"--books={shelf[1].pk}", f"--books={shelf[4].pk}"]
    for words in (["--title=x"], both, ["--title=x", *both]):
        rows = rows_of(exporter(Author.objects.order_by(order)), tmp_path, *words, "--columns", columns)
        assert [row["name"] for row in rows] == (["Ann", "Ben"] if order == "pk" else ["Ben", "Ann"])
        if "n" in columns.split(","):
            assert {row["name"]: row["n"] for row in rows} == {"Ann": 3, "Ben": 2}


@pytest.mark.parametrize(
    "queryset",
    [
        Author.objects.distinct().order_by("name"),
        Author.objects.filter(books__title__in=["x0", "x1", "x9"]).distinct().order_by("name"),
        Author.objects.annotate(own=Count("books")).order_by("name"),
        Author.objects.annotate(
            own=Subquery(Book.objects.filter(author=OuterRef("pk")).order_by("title").values("title")[:1])
        ).order_by("own"),
    ],
    ids=["distinct", "joined and distinct", "counted", "subquery"],
)
def test_querysets_of_other_kinds_have_each_row_once_too(shelf, exporter, tmp_path, queryset):
    rows = rows_of(exporter(queryset), tmp_path, "--title=x", "--columns=name")
    assert [row["name"] for row in rows] == ["Ann", "Ben"]


def test_what_the_queryset_counts_is_not_multiplied(shelf, exporter):
    found = exporter(Author.objects.annotate(own=Count("books")).order_by("name")).filtered(
        {"title": "x"}, user=None
    )
    assert [(author.name, author.own) for author in found] == [("Ann", 3), ("Ben", 2)]


def test_the_order_that_a_filter_gives_is_kept(shelf, exporter, tmp_path):
    made = exporter(Author.objects.order_by("name"))
    rows = rows_of(made, tmp_path, "--title=x", "--order=-name", "--columns=name")
    assert [row["name"] for row in rows] == ["Ben", "Ann"]


def test_the_first_ones_that_a_filter_gives_are_kept(shelf, exporter, tmp_path):
    """The first three joined rows in its order are those of Ben and two of Ann's."""
    make_book("x", author="Abe")
    made = exporter(Author.objects.order_by("name"))
    rows = rows_of(made, tmp_path, "--first=x", "--columns=name")
    assert [row["name"] for row in rows] == ["Ben", "Ann"]


@pytest.mark.django_db
def test_a_queryset_without_such_a_join_is_left_as_it_is():
    rows = Book.objects.order_by("pk")
    filtered = rows.filter(author__name="Ann", author__statistics__books_count=1)
    assert each_once(filtered, rows) is filtered
    authors = Author.objects.filter(books__title="x")
    filtered = authors.filter(name="Ann")
    assert each_once(filtered, authors) is filtered
    united = rows.union(rows)
    assert each_once(united, rows) is united
    grouped = Author.objects.values("name").annotate(n=Count("books"))
    filtered = grouped.filter(books__title="x")
    assert each_once(filtered, grouped) is filtered
