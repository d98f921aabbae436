"""The filters of an exporter as plain JSON: checked as strictly from the command line as from the web."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django_filters import BooleanFilter
from django_filters.constants import EMPTY_VALUES
from django_filters.fields import BaseCSVField
from django_filters.widgets import BaseCSVWidget, QueryArrayWidget

from brokerless.exports.asking.filter_names import widget_of
from brokerless.exports.asking.filter_words import EMPTY
from brokerless.exports.exceptions import InvalidFilters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.forms import Field
    from django_filters import Filter, FilterSet

BOOLEANS = ("true", "false")
SEPARATOR = ","


def clean_filters(
    declared: Mapping[str, Filter],
    filters: Mapping[str, Any],
    filterset_of: Callable[[MultiValueDict], FilterSet | None],
) -> dict[str, str | list[str]]:
    """Return the given filters as a form would send them, a list for one of many values; empty ones are left out.

    declared: what can be given, by name. filterset_of: makes the filters of a form's data.

    Raises InvalidFilters for a filter that does not exist and for a value that its field refuses.
    """
    errors: dict[str, list[str]] = {}
    cleaned: dict[str, str | list[str]] = {}
    for name, value in filters.items():
        if value in EMPTY:
            continue
        try:
            cleaned[name] = _cleaned(declared, name, value)
        except ValidationError as error:
            errors[name] = error.messages
    if not errors and (filterset := filterset_of(form_data(cleaned))) is not None:
        errors = filterset.form.errors
    if errors:
        raise InvalidFilters(errors)
    return cleaned


def form_data(cleaned: Mapping[str, str | list[str]]) -> MultiValueDict:
    """Return cleaned filters as the data of a form."""
    return MultiValueDict({name: value if isinstance(value, list) else [value] for name, value in cleaned.items()})


def check_value(declared: Filter, text: str) -> None:
    """Raise ValidationError for a text that is no value of the filter."""
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate: half of a character, or an odd byte of a command line
        raise ValidationError(_("Must be text in Unicode.")) from None
    if not text:
        return  # which is no filter
    if isinstance(declared, BooleanFilter):
        # Its field takes whatever it does not know for "no filter": more rows than were asked for.
        if text.lower() not in BOOLEANS:
            raise ValidationError(_("Must be true or false."))
        return
    if is_separated(declared) and not all(part.strip() for part in text.split(SEPARATOR)):
        raise ValidationError(_("None of the values may be blank."))
    # Those of choices are checked by the whole form: their choices may be the user's own.
    if not hasattr(declared.field_class, "choices") and not hasattr(declared.field, "choices"):
        _check_field(declared.field, text)


def takes_many(declared: Filter) -> bool:
    """Tell whether a filter takes several values, each given by itself."""
    widget = widget_of(declared)
    return getattr(widget, "allow_multiple_selected", False) or isinstance(widget, QueryArrayWidget)


def is_separated(declared: Filter) -> bool:
    """Tell whether a filter takes several values in one text, with commas between them."""
    widget = widget_of(declared)
    is_field = isinstance(declared.field_class, type) and issubclass(declared.field_class, BaseCSVField)
    return (is_field or isinstance(widget, BaseCSVWidget)) and not isinstance(widget, QueryArrayWidget)


def as_text(value: Any) -> str:
    """Spell a JSON value as a form would send it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cleaned(declared: Mapping[str, Filter], name: str, value: Any) -> str | list[str]:
    """Return one filter's value as text. Raises ValidationError with what is wrong with it."""
    if name not in declared:
        known = ", ".join(declared) or _("none")
        raise ValidationError(_("There is no such filter; there is: %(known)s.") % {"known": known})
    texts = [*_texts(value if isinstance(value, list | tuple) else [value])]
    if len(texts) > 1 and is_separated(declared[name]):
        texts = [_joined(texts)]
    if len(texts) > 1 and not takes_many(declared[name]):
        raise ValidationError(_("Takes one value, not several."))
    for text in texts:
        check_value(declared[name], text)
    if isinstance(declared[name], BooleanFilter):
        texts = [text.lower() for text in texts]
    return texts if takes_many(declared[name]) else texts[0]


def _check_field(field: Field, text: str) -> None:
    """Raise ValidationError for what a field refuses, and for what it takes for nothing: for all rows."""
    if not text.strip() and getattr(field, "strip", True):
        raise ValidationError(_("Must not be blank."))
    # By the widget, as a form has it: one of a range makes several values of a text.
    value = field.clean(field.widget.value_from_datadict(form_data({"value": text}), {}, "value"))
    if value in EMPTY_VALUES:
        raise ValidationError(_("This is no value of it."))


def _joined(texts: list[str]) -> str:
    """Return several values as one text."""
    for text in texts:
        if SEPARATOR in text:
            raise ValidationError(_("A value of several must have no comma: “%(value)s”.") % {"value": text})
    return SEPARATOR.join(texts)


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, dict | list | tuple | set):
            raise ValidationError(_("Must be text, a number, true or false."))
        yield as_text(value)
