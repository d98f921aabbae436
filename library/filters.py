"""What books and authors can be searched by: on the pages, and as the options of an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, OuterRef, Q, Value
from django.db.models.functions import Upper
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from library.language_names import language_name
from library.models import HIGHEST_RATING, LOWEST_RATING, Author, Book

if TYPE_CHECKING:
    from django.db.models import QuerySet


# How exports say their filters in titles: see `brokerless.exports.asking.filter_words`.


class SearchFilter(django_filters.CharFilter):
    """A text that is searched for in several places: containing “ring”."""

    subject = ""


class LanguageFilter(django_filters.CharFilter):
    """The code of a language, which has a name: English."""

    def describe(self, value: str) -> str:
        return language_name(value)


class YearFilter(django_filters.NumberFilter):
    """A bound of the year of publication, a whole number: from 1970."""

    field_class = forms.IntegerField
    subject = ""
    is_time = True


class BooksCountFilter(django_filters.NumberFilter):
    """The lowest number of an author's books: with 5 books or more."""

    def describe(self, value: str) -> str:
        number = int(float(value))
        text = ngettext("with %(number)s book or more", "with %(number)s books or more", number)
        return text % {"number": number}


class YesNoField(forms.NullBooleanField):
    """Yes, no, or nothing; the usual one takes whatever it does not know for nothing."""

    widget = forms.Select(choices=[("", _("Any")), ("true", _("Yes")), ("false", _("No"))])

    def to_python(self, value: object) -> bool | None:
        if value not in self.empty_values and str(value).lower() not in {"true", "false"}:
            raise ValidationError(_("Choose yes or no."))
        return super().to_python(value)


class YesNoFilter(django_filters.BooleanFilter):
    """A choice of yes, no, or either."""

    field_class = YesNoField


class BookFilter(django_filters.FilterSet):
    """Narrow books down; every bound is inclusive, and every part that is given must hold."""

    q = SearchFilter(
        method="filter_q",
        lookup_expr="icontains",
        label=_("Search"),
        help_text=_("Part of the title or of the name of an author or contributor, or a whole ISBN-13."),
    )
    author = django_filters.CharFilter(
        field_name="author__name",
        lookup_expr="icontains",
        label=_("Author"),
        help_text=_("Part of the first author's name."),
    )
    language = LanguageFilter(
        method="filter_language",
        label=_("Language"),
        help_text=_("The code of the language, such as eng or en-US, in upper or lower case."),
    )
    published_after = YearFilter(
        field_name="published_year",
        lookup_expr="gte",
        label=_("Published from"),
        help_text=_("The first year of publication to include; years BC are negative."),
    )
    published_before = YearFilter(
        field_name="published_year",
        lookup_expr="lte",
        label=_("Published until"),
        help_text=_("The last year of publication to include; years BC are negative."),
    )
    min_rating = django_filters.NumberFilter(
        field_name="average_rating",
        lookup_expr="gte",
        min_value=LOWEST_RATING,
        max_value=HIGHEST_RATING,
        label=_("Lowest rating"),
        help_text=_("The lowest average rating to include, from 0 to 5."),
    )
    available = YesNoFilter(
        label=_("Available"),
        help_text=_("Yes for books that can be lent, no for the others."),
    )

    class Meta:
        model = Book
        fields = []  # only those declared above

    def filter_q(self, queryset: QuerySet[Book], name: str, value: str) -> QuerySet[Book]:
        """Return the books that hold the text, or have it for an ISBN, with hyphens or without."""
        holds_text = (
            Q(title__icontains=value) | Q(author__name__icontains=value) | Q(contributors__icontains=value)
        )
        isbn13 = value.replace("-", "")
        # Of a lone hyphen nothing is left, and nothing is what the books without an ISBN have.
        return queryset.filter(holds_text | Q(isbn13=isbn13) if isbn13 else holds_text)

    def filter_language(self, queryset: QuerySet[Book], name: str, value: str) -> QuerySet[Book]:
        """Return the books in a language; unlike `iexact`, this is served by the index on SQLite as well."""
        return queryset.filter(Exact(Upper("language"), Upper(Value(value))))


class AuthorFilter(django_filters.FilterSet):
    """Narrow authors down, by themselves and by their books."""

    name = django_filters.CharFilter(lookup_expr="icontains", label=_("Name"), help_text=_("Part of the name."))
    language = LanguageFilter(
        method="filter_language",
        label=_("Language"),
        help_text=_("The code of a language in which they have a book, such as eng."),
    )
    min_books = BooksCountFilter(
        method="filter_min_books",
        min_value=0,
        decimal_places=0,
        label=_("Books, at least"),
        help_text=_("The lowest number of books to include."),
    )

    class Meta:
        model = Author
        fields = []  # only those declared above

    # By subqueries: a join would change what the export counts.

    def filter_language(self, queryset: QuerySet[Author], name: str, value: str) -> QuerySet[Author]:
        """Return the authors of a book in a language."""
        books = Book.objects.filter(Exact(Upper("language"), Upper(Value(value))), author=OuterRef("pk"))
        return queryset.filter(Exists(books))

    def filter_min_books(self, queryset: QuerySet[Author], name: str, value: int) -> QuerySet[Author]:
        """Return the authors of as many books; of none all authors have."""
        if not value:
            return queryset
        counted = Book.objects.order_by().values("author").annotate(count=Count("pk"))
        return queryset.filter(pk__in=counted.filter(count__gte=value).values("author"))
