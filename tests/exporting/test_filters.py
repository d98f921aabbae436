"""Filters: as strict as they can be, since a filter that is not understood gives more rows than were asked for."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import django_filters
import pytest
from django import forms

from brokerless.exports.exceptions import InvalidFilters
from brokerless.exports.exporter import Exporter
from brokerless.exports.registry import get_exporter
from library.models import Author, Book
from tests.exporting.making import make_book

pytestmark = pytest.mark.django_db


class AuthorFilter(django_filters.FilterSet):
    """A filter of many values, and one that django-filter derives from the model."""

    who = django_filters.MultipleChoiceFilter(choices=[("a", "A"), ("b", "B")], field_name="name", label="Who")

    class Meta:
        model = Author
        fields = ["name"]


class Authors(Exporter):
    queryset = Author.objects.order_by("pk")
    columns = ("name",)
    filterset_class = AuthorFilter


class UntiedFilter(django_filters.FilterSet):
    """Filters that name no model: the queryset alone says of what."""

    title = django_filters.CharFilter(label="Title")


class Untied(Exporter):
    queryset = Book.objects.order_by("pk")
    columns = ("title",)
    filterset_class = UntiedFilter


@pytest.fixture
def books():
    return get_exporter("books")


def errors_of(exporter, filters) -> dict[str, list[str]]:
    with pytest.raises(InvalidFilters) as caught:
        exporter.filtered(filters, user=None)
    return caught.value.errors


def test_an_unknown_filter_is_refused_with_those_that_exist(books):
    errors = errors_of(books, {"publisher": "Knopf"})
    assert list(errors) == ["publisher"]
    assert "q, author, language" in errors["publisher"][0]


def test_an_exporter_without_filters_knows_none():
    bare = type("Bare", (Exporter,), {"queryset": Author.objects.all(), "columns": ("name",)})("bare")
    assert "none" in errors_of(bare, {"name": "x"})["name"][0]


@pytest.mark.parametrize("empty", [None, "", [], ()])
def test_an_empty_value_is_no_filter_even_of_an_unknown_name(books, empty):
    assert books.clean({"language": empty, "publisher": empty}) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("published_after", "soon"),
        ("published_after", "1900.5"),
        ("published_after", "9" * 400),
        ("min_rating", "six"),
        ("min_rating", "5.01"),
        ("min_rating", "-0.01"),
        ("min_rating", "NaN"),
        ("min_rating", float("inf")),
        ("min_rating", True),
        ("q", "a\0b"),
        ("q", "\ud800"),
        ("author", "\udcff"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_name(books, name, value):
    errors = errors_of(books, {name: value, "language": "eng"})
    assert list(errors) == [name]
    assert errors[name]


@pytest.mark.parametrize("value", ["yes", "1", "unknown", "truee", 1, "2"])
def test_what_is_neither_true_nor_false_is_refused_not_ignored(books, value):
    assert errors_of(books, {"available": value}) == {"available": ["Must be true or false."]}


@pytest.mark.parametrize("spelling", [True, "true", "True", "TRUE"])
def test_true_selects_the_available_whatever_its_case(books, spelling):
    make_book("here", available=True)
    make_book("lent", available=False)
    assert [book.title for book in books.filtered({"available": spelling}, user=None)] == ["here"]


@pytest.mark.parametrize("spelling", [False, "false", "FALSE"])
def test_false_selects_the_others(books, spelling):
    make_book("here", available=True)
    make_book("lent", available=False)
    assert [book.title for book in books.filtered({"available": spelling}, user=None)] == ["lent"]


@pytest.mark.parametrize("blank", [" ", "\t\n", "\u00a0", [" "]])
@pytest.mark.parametrize("name", ["q", "author", "language", "published_after", "min_rating"])
def test_a_blank_value_is_refused_as_all_rows_would_be_left(books, name, blank):
    assert errors_of(books, {name: blank}) == {name: ["Must not be blank."]}


class LaxField(forms.CharField):
    """Takes what it does not know for nothing."""

    def clean(self, value):
        return value if value == "known" else ""


class LaxFilter(django_filters.CharFilter):
    field_class = LaxField


class BlankFilter(django_filters.FilterSet):
    """A filter by a text that may be blank, and one that ignores most values."""

    title = django_filters.CharFilter(strip=False)
    lax = LaxFilter(field_name="title")


def test_a_blank_value_is_one_where_the_field_says_so():
    make_book(" ")
    make_book("x")
    exporter = type("Blank", (Untied,), {"filterset_class": BlankFilter})("blank")
    assert [book.title for book in exporter.filtered({"title": " "}, user=None)] == [" "]


def test_a_value_that_a_field_takes_for_nothing_is_refused():
    exporter = type("Blank", (Untied,), {"filterset_class": BlankFilter})("blank")
    assert errors_of(exporter, {"lax": "unknown"}) == {"lax": ["This is no value of it."]}
    assert exporter.clean({"lax": "known"}) == {"lax": "known"}


@pytest.mark.parametrize("value", [{"a": 1}, [["eng"]], [{"a": 1}]])
def test_an_object_is_no_value(books, value):
    assert errors_of(books, {"language": value}) == {"language": ["Must be text, a number, true or false."]}


def test_several_values_of_a_filter_for_one_are_refused(books):
    assert errors_of(books, {"language": ["eng", "fre"]}) == {"language": ["Takes one value, not several."]}


def test_a_list_of_one_value_is_that_value(books):
    assert books.clean({"language": ["eng"]}) == {"language": "eng"}


def test_numbers_and_dates_are_spelled_as_a_form_would_send_them(books):
    given = {"published_after": 1900, "min_rating": Decimal("4.5"), "q": dt.date(2024, 5, 1)}
    assert books.clean(given) == {"published_after": "1900", "min_rating": "4.5", "q": "2024-05-01"}


def test_every_error_is_reported_at_once(books):
    assert set(errors_of(books, {"min_rating": "x", "available": "x", "z": "x"})) == {
        "min_rating",
        "available",
        "z",
    }


def test_a_filter_of_many_values_takes_many():
    for name in "abc":
        Author.objects.create(name=name)
    exporter = Authors("authors")
    assert [author.name for author in exporter.filtered({"who": ["a", "b"]}, user=None)] == ["a", "b"]
    assert exporter.clean({"who": "a"}) == {"who": ["a"]}


def test_a_value_that_is_no_choice_is_refused():
    assert list(errors_of(Authors("authors"), {"who": ["z"]})) == ["who"]


def test_a_filterset_may_leave_the_model_to_the_exporter():
    make_book("one")
    make_book("two")
    assert [book.title for book in Untied("untied").filtered({"title": "two"}, user=None)] == ["two"]


def test_the_text_of_the_error_names_every_filter(books):
    with pytest.raises(InvalidFilters, match=r"available: Must be true or false\.; z: There is no such filter"):
        books.clean({"available": "x", "z": "x"})


@pytest.mark.parametrize(
    ("filters", "description"),
    [
        ({}, "Books, all"),
        ({"language": ""}, "Books, all"),
        ({"language": "eng"}, "Books, English"),
        ({"published_after": -800, "language": "xyz"}, "Books, xyz, from -800"),
        ({"available": "false"}, "Books, not available"),
        ({"available": True}, "Books, available"),
        ({"q": "two\r\nlines\u2028more"}, "Books, containing “two lines more”"),
        ({"unknown": "x"}, "Books, all"),
    ],
)
def test_an_export_is_described_in_one_line(books, filters, description):
    assert books.describe(filters) == description


def test_a_long_description_is_cut_to_what_a_title_holds(books):
    described = books.describe({"q": "x" * 5000})
    assert len(described) == 200
    assert described.endswith("…")


def test_a_filter_without_a_label_is_described_by_its_name():
    assert Authors("authors").describe({"name": "Sappho"}) == "Authors, name: Sappho"


def test_many_values_are_described_as_a_list():
    assert Authors("authors").describe({"who": ["a", "b"]}) == "Authors, A or B"
