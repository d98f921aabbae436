"""Filters in the words of users, as the titles of exports have them: Books, English, from 1970.

A filter may say of itself what its declaration does not tell:

describe(value): a method that returns all its words.
subject: what is bounded or searched, by default the model's name of the field; empty where no word is needed.
is_time: whether its bounds are said as of times (from 1970) and not as of amounts (at least 4.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.choices import flatten_choices, normalize_choices
from django.utils.dateparse import parse_date
from django.utils.formats import date_format, get_format
from django.utils.translation import get_language, gettext_noop, pgettext
from django.utils.translation import gettext as _
from django_filters import (
    BooleanFilter,
    DateFilter,
    DateTimeFilter,
    IsoDateTimeFilter,
    NumberFilter,
    OrderingFilter,
    TimeFilter,
)
from django_filters.filters import BaseInFilter, BaseRangeFilter
from django_filters.utils import get_model_field

from brokerless.exports.asking.filter_names import InputFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_filters import Filter

TITLE_LIMIT = 200
EMPTY = (None, "", [], ())
LOWEST, HIGHEST = "gte", "lte"
TIMES = (DateFilter, DateTimeFilter, IsoDateTimeFilter, TimeFilter)
DECIMAL = re.compile(r"-?\d+\.\d+")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Languages in which a noun has its capital within a sentence, too.
CAPITAL_NOUNS = frozenset({"de", "lb"})

# Told in the reader's language when a title is made; the subject may be empty.
BOUNDS_OF_TIMES = {
    LOWEST: gettext_noop("%(subject)s from %(value)s"),
    HIGHEST: gettext_noop("%(subject)s until %(value)s"),
    "gt": gettext_noop("%(subject)s after %(value)s"),
    "lt": gettext_noop("%(subject)s before %(value)s"),
}
BOUNDS_OF_AMOUNTS = {
    LOWEST: gettext_noop("%(subject)s at least %(value)s"),
    HIGHEST: gettext_noop("%(subject)s at most %(value)s"),
    "gt": gettext_noop("%(subject)s more than %(value)s"),
    "lt": gettext_noop("%(subject)s less than %(value)s"),
}
CONTAINING = gettext_noop("%(subject)s containing “%(value)s”")
BEGINNING = gettext_noop("%(subject)s beginning with “%(value)s”")
ENDING = gettext_noop("%(subject)s ending with “%(value)s”")
TEXTS = {
    **dict.fromkeys(("contains", "icontains"), CONTAINING),
    **dict.fromkeys(("startswith", "istartswith"), BEGINNING),
    **dict.fromkeys(("endswith", "iendswith"), ENDING),
}


class Bound(NamedTuple):
    """One end of what a filter lets through, which it includes."""

    of: tuple[str, str]  # with another of the same it is a range
    side: str
    value: str


def title_of(title: str, parts: list[str], *, is_all: bool = False) -> str:
    """Return what is exported in one line: of what, and narrowed down by what, or that it is all of it."""
    parts = [pgettext("of what is exported", "all")] if is_all else parts
    line = " ".join(", ".join([title, *parts]).split())
    return line if len(line) <= TITLE_LIMIT else f"{line[: TITLE_LIMIT - 1]}…"


def describe_filters(
    declared: Mapping[str, Filter], filters: Mapping[str, Any], own_words: Callable[[str, Any], str | None]
) -> list[str]:
    """Return the words of each filter that is given, in the order of their declaration; two bounds are one range.

    own_words: returns the exporter's own words for a filter and its value; None for those made here.
    """
    words: dict[str, str] = {}
    bounds: dict[tuple[str, str], tuple[str, Bound]] = {}
    for name, each in declared.items():
        value = filters.get(name)
        if value in EMPTY:
            continue
        own = own_words(name, value)
        bound = _bound(each, value) if own is None else None
        first_name, first = bounds.setdefault(bound.of, (name, bound)) if bound else (name, bound)
        if bound and first.side != bound.side:
            lowest, highest = (bound, first) if first.side == HIGHEST else (first, bound)
            words[first_name] = _range(each, lowest.value, highest.value)
            del bounds[bound.of]
        else:
            words[name] = filter_words(each, value) if own is None else own
    return [said for said in words.values() if said]


def filter_words(declared: Filter, value: Any) -> str:
    """Return what a filter with this value lets through."""
    if callable(describe := getattr(declared, "describe", None)):
        return str(describe(value))
    if isinstance(declared, BooleanFilter):
        words = _yes_or_no(declared, is_true=str(value).lower() == "true") % {"subject": _subject(declared)}
    elif labels := _choices(declared, value):
        words = _listed(declared, labels)
    elif sentence := _sentence(declared):
        words = _(sentence) % {"subject": _subject(declared), "value": _spoken(declared, value)}
    elif isinstance(declared, BaseRangeFilter) and str(value).count(",") == 1:
        words = _range(declared, *str(value).split(","))
    else:
        said = _listed(declared, value.split(",")) if _is_list(declared, value) else _spoken(declared, value)
        words = _("%(label)s: %(value)s") % {"label": _label(declared), "value": said}
    return _("not %(subject)s") % {"subject": words.strip()} if declared.exclude else words.strip()


def _listed(declared: Filter, values: list[str]) -> str:
    return (_(" and ") if getattr(declared, "conjoined", False) else _(" or ")).join(values)


def _is_list(declared: Filter, value: Any) -> bool:
    return isinstance(declared, BaseInFilter) and isinstance(value, str)


def _range(declared: Filter, lowest: str, highest: str) -> str:
    values = {"subject": _subject(declared), "lowest": lowest, "highest": highest}
    return (_("%(subject)s %(lowest)s to %(highest)s") % values).strip()


def _bound(declared: Filter, value: Any) -> Bound | None:
    lookup = _lookup(declared)
    if lookup not in (LOWEST, HIGHEST) or declared.exclude or hasattr(declared, "describe"):
        return None
    path = str(declared.lookup_expr).rpartition("__")[0]
    return Bound((declared.field_name, path), lookup, _spoken(declared, value))


def _sentence(declared: Filter) -> str:
    lookup = _lookup(declared)
    if isinstance(declared, BooleanFilter):
        return ""
    bounds = BOUNDS_OF_TIMES if _is_time(declared) else BOUNDS_OF_AMOUNTS
    return bounds.get(lookup) or TEXTS.get(lookup, "")


def _yes_or_no(declared: Filter, *, is_true: bool) -> str:
    if _lookup(declared) == "isnull":
        return _("without %(subject)s") if is_true else _("with %(subject)s")
    return "%(subject)s" if is_true else _("not %(subject)s")


def _choices(declared: Filter, value: Any) -> list[str]:
    """Return the labels of what was chosen; nothing where the labels are not known without the database."""
    choices = declared.extra.get("choices")
    if not choices or isinstance(declared, OrderingFilter):
        return []
    labels = {str(key): str(label) for key, label in flatten_choices(normalize_choices(choices))}
    return [labels.get(str(each), str(each)) for each in (value if isinstance(value, list | tuple) else [value])]


def _lookup(declared: Filter) -> str:
    return declared.lookup_expr.split("__")[-1] if isinstance(declared.lookup_expr, str) else ""


def _is_time(declared: Filter) -> bool:
    found = getattr(declared, "is_time", None)
    if found is not None:
        return found
    return isinstance(declared, TIMES) or str(declared.lookup_expr).startswith(("date__", "year__", "time__"))


def _subject(declared: Filter) -> str:
    """Return what is bounded, searched, or so or not so."""
    found = getattr(declared, "subject", None)
    if found is not None:
        return str(found)
    if whole := getattr(declared, "whole_label", ""):
        return _within_a_line(whole)
    # Labels of bounds tell the bound as well, and a label of yes or no is no part of a sentence.
    of_field = isinstance(declared, BooleanFilter) or _lookup(declared) not in TEXTS
    return (of_field and _field_name(declared)) or _label(declared)


def _label(declared: Filter) -> str:
    """Return the filter's own label, as it is within a line; where it has none, the model's name of the field."""
    if not getattr(declared, "has_own_label", True) and (name := _field_name(declared)):
        return name
    return _within_a_line(declared.label)


def _within_a_line(label: Any) -> str:
    """Write a label without its capital; one that begins with two is an abbreviation."""
    text = str(label)
    has_capital = text[:2].isupper() or (get_language() or "").partition("-")[0] in CAPITAL_NOUNS
    return text if has_capital else text[:1].lower() + text[1:]


def _field_name(declared: Filter) -> str:
    model = getattr(declared, "model", None)
    field = get_model_field(model, declared.field_name) if model and not declared.method else None
    return str(field.verbose_name) if field else ""


def _spoken(declared: Filter, value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_spoken(declared, each) for each in value)
    text = str(value)
    if isinstance(declared, NumberFilter | InputFilter) and DECIMAL.fullmatch(text):
        return text.replace(".", get_format("DECIMAL_SEPARATOR"))
    try:
        day = parse_date(text) if DAY.fullmatch(text) else None
    except ValueError:
        day = None
    return date_format(day) if day else text
