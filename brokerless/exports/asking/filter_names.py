"""The names under which filters are given: each of its own, and one for each input of a filter that has several.

A `RangeFilter` named `rating` has two inputs, so that a form, JSON and the command know `rating_min` and
`rating_max`, each of which is a filter to them.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import Filter, LookupChoiceFilter
from django_filters.utils import get_model_field
from django_filters.widgets import SuffixedMultiWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model
    from django_filters import FilterSet

# The lookups of a range's inputs, and which of them are of times.
LOOKUPS = {"min": "gte", "max": "lte", "after": "gte", "before": "lte"}
TIMES = frozenset({"after", "before"})
# What users read of an input; bounds are inclusive.
WORDS = {
    "min": gettext_lazy("from"),
    "max": gettext_lazy("to"),
    "after": gettext_lazy("from"),
    "before": gettext_lazy("to"),
}


class InputFilter(Filter):
    """One input of a filter that has several. It checks what is given; only the whole filter selects."""

    def __init__(self, whole: Filter, place: int, suffix: str) -> None:
        label, part = whole.label or whole.field_name, WORDS.get(suffix, suffix)
        if part:
            label = _("%(label)s %(part)s") % {"label": label, "part": part}
        lookup, help_text = LOOKUPS.get(suffix, "exact"), whole.extra.get("help_text", "")
        super().__init__(whole.field_name, lookup, label=label, exclude=whole.exclude, help_text=help_text)
        self._tell_of(whole, suffix)
        fields = getattr(whole.field, "fields", ())
        self._own = fields[place] if place < len(fields) else forms.CharField(required=False)
        self.field_class = type(self._own)
        self.extra["widget"] = whole.field.widget.widgets[place]

    @property
    def field(self) -> forms.Field:
        return self._own

    def _tell_of(self, whole: Filter, suffix: str) -> None:
        """Have the input know what `filter_words` says of it."""
        self.whole_label = whole.label if whole.has_own_label else ""
        self.model, self.subject = whole.model, getattr(whole, "subject", None)
        self.is_time = getattr(whole, "is_time", suffix in TIMES)


def filters_by_name(filterset_class: type[FilterSet] | None, model: type[Model]) -> dict[str, Filter]:
    """Return what can be given, by name."""
    return {name: declared for name, declared, _whole in _named(filterset_class, model)}


def widget_of(declared: Filter) -> forms.Widget:
    """Return the widget of a filter, without its field, for which some ask the database."""
    widget = declared.extra.get("widget") or declared.field_class.widget
    return widget() if isinstance(widget, type) else widget


def taken_twice(filterset_class: type[FilterSet] | None, model: type[Model]) -> dict[str, list[str]]:
    """Return the names that several filters have, with those filters' own."""
    filters: dict[str, list[str]] = {}
    for name, _declared, whole in _named(filterset_class, model):
        filters.setdefault(name, []).append(whole)
    return {name: wholes for name, wholes in filters.items() if len(wholes) > 1}


def not_to_be_given(filterset_class: type[FilterSet] | None, model: type[Model]) -> list[str]:
    """Return the names whose widget does not take a text of that name, as one of a file or of three lists."""
    return [
        name
        for name, declared, _whole in _named(filterset_class, model)
        if widget_of(declared).value_omitted_from_data({name: "x"}, {}, name)
    ]


def _named(filterset_class: type[FilterSet] | None, model: type[Model]) -> Iterator[tuple[str, Filter, str]]:
    """Yield each name, its filter, and the name of the filter that it is of."""
    for whole, declared in copy.deepcopy(filterset_class.base_filters if filterset_class else {}).items():
        _label(declared, whole, model)
        if not _has_inputs(declared):
            yield whole, declared, whole
            continue
        widget = declared.field.widget
        for place, suffix in enumerate(_suffixes(widget)):
            yield _input_name(widget, whole, suffix), InputFilter(declared, place, suffix), whole


def _label(declared: Filter, name: str, model: type[Model]) -> None:
    """Have a filter know its model, as those of a filter set with rows do: most have their labels of it."""
    declared.has_own_label = declared.label is not None
    declared.model = model
    if not declared.has_own_label and get_model_field(model, declared.field_name) is None:
        declared.label = name.replace("_", " ")  # django-filter's is "[invalid name]"


def _has_inputs(declared: Filter) -> bool:
    return isinstance(declared, LookupChoiceFilter) or isinstance(widget_of(declared), forms.MultiWidget)


def _suffixes(widget: forms.MultiWidget) -> list[str]:
    if isinstance(widget, SuffixedMultiWidget):
        return [suffix or "" for suffix in widget.suffixes]
    return [name.removeprefix("_") for name in widget.widgets_names]


def _input_name(widget: forms.MultiWidget, name: str, suffix: str) -> str:
    if isinstance(widget, SuffixedMultiWidget):
        return widget.suffixed(name, suffix)
    return f"{name}_{suffix}" if suffix else name
