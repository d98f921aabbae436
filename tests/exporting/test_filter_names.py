"""Filters of several inputs, and of several values in one text: in a form, in JSON, and on the command line."""

from __future__ import annotations

import datetime as dt

import django_filters
import pytest
from django import forms
from django.core.management import CommandError
from django_filters.widgets import QueryArrayWidget

from brokerless.exports import filter_checks, registry
from brokerless.exports.asking.filters import form_data
from brokerless.exports.exceptions import InvalidFilters
from library.models import Book
from tests.exporting.declaring import declare, rows_of
from tests.exporting.making import make_book

pytestmark = pytest.mark.django_db


class MomentFilter(django_filters.DateTimeFilter):
    field_class = forms.SplitDateTimeField


class ScanFilter(django_filters.CharFilter):
    field_class = forms.FileField


class RangeFilter(django_filters.FilterSet):
    rating = django_filters.RangeFilter(field_name="average_rating", label="Rating")
    added = django_filters.DateFromToRangeFilter(field_name="added_at")
    years = django_filters.LookupChoiceFilter(
        field_name="published_year", field_class=forms.IntegerField, lookup_choices=["exact", "gt"]
    )
    moment = MomentFilter(field_name="added_at")
    order = django_filters.OrderingFilter(fields=["title", "published_year"])
    languages = django_filters.MultipleChoiceFilter(
        field_name="language", choices=[("eng", "E"), ("fre", "F"), ("grc", "G")], widget=QueryArrayWidget
    )
    titled = django_filters.AllValuesFilter(field_name="title")
    searched = django_filters.CharFilter(method="search")

    class Meta:
        model = Book
        fields = {"published_year": ["in", "range"]}

    def search(self, queryset, name, value):
        return queryset.filter(title=value)


@pytest.fixture
def shelf():
    for number, title in enumerate(["zero", "one", "two", "three"]):
        make_book(
            title,
            average_rating=number,
            published_year=1990 + number,
            added_at=dt.datetime(2024, 1, 10 + number, 12, tzinfo=dt.UTC),
            language=["eng", "fre", "grc", "ger"][number],
        )


@pytest.fixture
def ranged(monkeypatch):
    declared = {"queryset": Book.objects.order_by("pk"), "columns": ("title",), "filterset_class": RangeFilter}
    return declare(monkeypatch, "ranged", **declared)


GIVEN = [
    ({"rating_min": "1"}, ["one", "two", "three"]),
    ({"rating_min": "1", "rating_max": 2}, ["one", "two"]),
    ({"rating_min": "", "rating_max": ""}, ["zero", "one", "two", "three"]),
    ({"added_after": "2024-01-11", "added_before": "2024-01-12"}, ["one", "two"]),
    ({"years": "1991", "years_lookup": "gt"}, ["two", "three"]),
    ({"moment_0": "2024-01-11", "moment_1": "12:00"}, ["one"]),
    ({"published_year__in": "1990,1992"}, ["zero", "two"]),
    ({"published_year__in": "1993"}, ["three"]),
    ({"published_year__range": "1991,1992"}, ["one", "two"]),
    ({"order": "-title"}, ["zero", "two", "three", "one"]),
    ({"languages": "fre"}, ["one"]),
    ({"titled": "one"}, ["one"]),
]


@pytest.mark.parametrize(("given", "titles"), GIVEN, ids=str)
def test_what_a_form_can_say_code_and_json_can(shelf, ranged, given, titles):
    assert [book.title for book in ranged.filtered(given, user=None)] == titles


@pytest.mark.parametrize(("given", "titles"), GIVEN, ids=str)
def test_what_a_form_can_say_the_command_can(shelf, ranged, tmp_path, given, titles):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    assert [row["title"] for row in rows_of(ranged, tmp_path, *words)] == titles


def test_every_field_of_the_form_is_a_filter_of_the_command(ranged):
    html = ranged.filterset(None, user=None).form.as_p()
    assert {name for name in ranged.get_filters() if f'name="{name}"' in html} == set(ranged.get_filters())


@pytest.mark.parametrize(
    ("given", "titles"),
    [
        ({"published_year__in": [1990, 1992]}, ["zero", "two"]),
        ({"published_year__range": ["1991", "1992"]}, ["one", "two"]),
        ({"languages": ["eng", "fre"]}, ["zero", "one"]),
        ({"order": ["language", "title"]}, None),
        ({"order": ["-published_year", "title"]}, ["three", "two", "one", "zero"]),
    ],
)
def test_several_values_may_be_a_list(shelf, ranged, given, titles):
    if titles is None:
        with pytest.raises(InvalidFilters):
            ranged.filtered(given, user=None)
    else:
        assert [book.title for book in ranged.filtered(given, user=None)] == titles


WRONG = [
    ("rating_min", "x"),
    ("rating_max", "NaN"),
    ("rating_min", ["1", "2"]),
    ("rating", "1"),
    ("rating", [1, 2]),
    ("added_after", "soon"),
    ("years_lookup", "lt"),
    ("moment_1", "noon"),
    ("published_year__in", "1990,x"),
    ("published_year__in", "1990,"),
    ("published_year__in", " , "),
    ("published_year__in", ["1990,1991", "1992"]),
    ("published_year__range", "1990"),
    ("published_year__range", "1990,1991,1992"),
    ("published_year__range", ","),
    ("order", "isbn13"),
    ("languages", "ger"),
    ("titled", "nobody"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_an_input_cannot_mean_is_refused(shelf, ranged, name, value):
    with pytest.raises(InvalidFilters) as caught:
        ranged.filtered({"years": "1990"} | {name: value} if name == "years_lookup" else {name: value}, user=None)
    assert caught.value.errors


@pytest.mark.parametrize(("name", "value"), [("rating_min", "x"), ("published_year__in", "1990,,")])
def test_the_command_refuses_it_as_it_is_typed(ranged, tmp_path, name, value):
    with pytest.raises(CommandError, match=f"argument --{name.replace('_', '-')}"):
        rows_of(ranged, tmp_path, f"--{name.replace('_', '-')}={value}")


def test_inputs_are_described_by_their_bounds(ranged):
    given = {"rating_min": "1", "rating_max": "2", "added_after": "2024-01-01", "published_year__in": "1990,1991"}
    assert ranged.describe(given) == (
        "Books, year of publication: 1990 or 1991, rating 1 to 2, added at from Jan. 1, 2024"
    )


def test_a_filter_that_is_a_method_is_described_by_its_name(ranged):
    assert ranged.describe({"searched": "x"}) == "Books, searched: x"


def test_what_is_cleaned_is_what_the_form_reads(ranged):
    cleaned = ranged.clean({"rating_min": 1, "published_year__in": [1990, 1991]})
    assert cleaned == {"rating_min": "1", "published_year__in": "1990,1991"}
    form = ranged.filterset(form_data(cleaned), user=None).form
    assert form.is_valid()
    assert form.cleaned_data["rating"] == slice(1, None)


class ThreeLists(django_filters.FilterSet):
    day = django_filters.DateFilter(field_name="added_at", widget=forms.SelectDateWidget)
    scan = ScanFilter()
    title = django_filters.CharFilter()


class Twice(django_filters.FilterSet):
    rating = django_filters.RangeFilter(field_name="average_rating")
    rating_min = django_filters.NumberFilter(field_name="average_rating")


@pytest.fixture
def alone(monkeypatch):
    monkeypatch.setattr(registry, "_exporters", {})
    return lambda **values: declare(monkeypatch, "alone", queryset=Book.objects.all(), columns=("pk",), **values)


def test_a_filter_that_cannot_be_given_is_an_error(alone):
    alone(filterset_class=ThreeLists)
    messages = filter_checks.check_filters()
    assert [message.id for message in messages] == ["brokerless_exports.E008"] * 2
    assert "a filter 'day' whose widget" in messages[0].msg
    assert "a filter 'scan' whose widget" in messages[1].msg


def test_two_filters_of_one_name_are_an_error(alone):
    alone(filterset_class=Twice)
    (message,) = filter_checks.check_filters()
    assert message.id == "brokerless_exports.E008"
    assert "two filters that are given as 'rating_min': rating and rating_min" in message.msg


def test_filters_that_can_be_given_are_fine_and_need_no_database(alone, django_assert_num_queries):
    alone(filterset_class=RangeFilter)
    with django_assert_num_queries(0):
        assert filter_checks.check_filters() == []
    alone()
    assert filter_checks.check_filters() == []
