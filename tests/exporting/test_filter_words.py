"""Filters in the words of users."""

from __future__ import annotations

import django_filters
import pytest
from django.db.models import TextChoices
from django.utils import translation

from brokerless.exports.exporter import Exporter
from library.models import Book

pytestmark = pytest.mark.django_db


class Cover(TextChoices):
    SOFT = "s", "Softcover"
    HARD = "h", "Hardcover"


class Said(django_filters.CharFilter):
    def describe(self, value):
        return f"said {value}"


class Bare(django_filters.NumberFilter):
    subject = ""
    is_time = True


class Shelf(django_filters.FilterSet):
    since = Bare(field_name="published_year", lookup_expr="gte", label="Published from")
    till = Bare(field_name="published_year", lookup_expr="lte", label="Published until")
    rated = django_filters.NumberFilter(field_name="average_rating", lookup_expr="gte", label="Lowest rating")
    votes = django_filters.RangeFilter(field_name="ratings_count", label="Votes")
    name = django_filters.CharFilter(field_name="author__name", lookup_expr="icontains", label="Author")
    start = django_filters.CharFilter(field_name="title", lookup_expr="startswith")
    not_of = django_filters.CharFilter(field_name="title", lookup_expr="icontains", exclude=True)
    cover = django_filters.ChoiceFilter(method="ignored", choices=Cover.choices)
    covers = django_filters.MultipleChoiceFilter(method="ignored", choices=lambda: Cover.choices, conjoined=True)
    available = django_filters.BooleanFilter(label="Can be lent")
    undated = django_filters.BooleanFilter(field_name="published_year", lookup_expr="isnull")
    added = django_filters.DateFromToRangeFilter(field_name="added_at")
    before = django_filters.DateFilter(field_name="added_at", lookup_expr="date__lt")
    said = Said(method="ignored")
    isbn = django_filters.CharFilter(field_name="isbn13", label="ISBN")
    page = django_filters.CharFilter(method="ignored", label="Page")

    class Meta:
        model = Book
        fields = {"published_year": ["range", "in"]}

    def ignored(self, queryset, name, value):
        return queryset


class Books(Exporter):
    queryset = Book.objects.order_by("pk")
    columns = ("title",)
    filterset_class = Shelf


WORDS = [
    ({"since": "1970"}, "from 1970", "ab 1970"),
    ({"till": "1980"}, "until 1980", "bis 1980"),
    ({"till": "1980", "since": "1970"}, "1970 to 1980", "1970 bis 1980"),
    ({"rated": "4.2"}, "average rating at least 4.2", "durchschnittliche Bewertung mindestens 4,2"),
    ({"votes_min": "5"}, "votes at least 5", "Votes mindestens 5"),
    ({"votes_max": "9", "votes_min": "5"}, "votes 5 to 9", "Votes 5 bis 9"),
    ({"name": "Tolkien"}, "author containing “Tolkien”", "Author mit „Tolkien“"),
    ({"start": "The"}, "title beginning with “The”", "Titel beginnt mit „The“"),
    ({"not_of": "ring"}, "not title containing “ring”", "nicht Titel mit „ring“"),
    ({"cover": "h"}, "Hardcover", "Hardcover"),
    ({"cover": "?"}, "?", "?"),
    ({"covers": ["s", "h"]}, "Softcover and Hardcover", "Softcover und Hardcover"),
    ({"available": "true"}, "available", "verfügbar"),
    ({"available": False}, "not available", "nicht verfügbar"),
    ({"undated": "true"}, "without year of publication", "ohne Erscheinungsjahr"),
    ({"undated": "false"}, "with year of publication", "mit Erscheinungsjahr"),
    ({"added_after": "2024-03-01"}, "added at from March 1, 2024", "hinzugefügt am ab 1. März 2024"),
    ({"before": "2024-13-01"}, "added at before 2024-13-01", "hinzugefügt am vor 2024-13-01"),
    ({"said": "x"}, "said x", "said x"),
    ({"isbn": "978"}, "ISBN: 978", "ISBN: 978"),
    ({"page": "7"}, "page: 7", "Page: 7"),
    ({"published_year__range": "1970,1980"}, "year of publication 1970 to 1980", "Erscheinungsjahr 1970 bis 1980"),
    ({"published_year__in": "1970,1980"}, "year of publication: 1970 or 1980", "Erscheinungsjahr: 1970 oder 1980"),
]


@pytest.mark.parametrize(("given", "english", "german"), WORDS, ids=str)
def test_a_filter_is_said_in_the_words_of_whoever_exports(given, english, german, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert Books("books").describe(given) == f"Books, {english}"
        with translation.override("de"):
            assert Books("books").describe(given) == f"Bücher, {german}"


def test_filters_are_said_in_the_order_of_their_declaration():
    given = {"isbn": "978", "till": "1980", "cover": "s", "since": "1970"}
    assert Books("books").describe(given) == "Books, 1970 to 1980, Softcover, ISBN: 978"


def test_a_third_bound_of_a_field_is_not_left_out(monkeypatch):
    shelf = type("Shelf", (Shelf,), {"too": Bare(field_name="published_year", lookup_expr="lte", label="Until")})
    monkeypatch.setattr(Books, "filterset_class", shelf)
    given = {"since": "1970", "till": "1980", "too": "1975"}
    assert Books("books").describe(given) == "Books, 1970 to 1980, until 1975"


def test_an_exporter_may_have_words_of_its_own():
    class Own(Books):
        def describe_filter(self, name, value):
            return {"since": "quite new", "page": ""}.get(name)

    given = {"since": "1970", "till": "1980", "page": "7"}
    assert Own("books").describe(given) == "Books, quite new, until 1980"
