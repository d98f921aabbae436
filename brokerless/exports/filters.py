"""The filters of an exporter as plain JSON: checked as strictly from the command line as from the web."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django_filters import BooleanFilter

from brokerless.exports.exceptions import InvalidFilters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet
    from django_filters import Filter, FilterSet

BOOLEANS = ("true", "false")
TITLE_LIMIT = 200
EMPTY = (None, "", [], ())


def clean_filters(
    filterset_class: type[FilterSet] | None, filters: Mapping[str, Any], queryset: QuerySet
) -> dict[str, str | list[str]]:
    """Return the given filters as a form would send them, a list for one of many values; empty ones are left out.

    Raises InvalidFilters for a filter that does not exist and for a value that its field refuses.
    """
    declared = filterset_class.base_filters if filterset_class else {}
    errors: dict[str, list[str]] = {}
    cleaned: dict[str, str | list[str]] = {}
    for name, value in filters.items():
        if value in EMPTY:
            continue
        try:
            cleaned[name] = _cleaned(declared, name, value)
        except ValidationError as error:
            errors[name] = error.messages
    if not errors and filterset_class:
        errors = filterset_class(form_data(cleaned), queryset=queryset).form.errors
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
    if isinstance(declared, BooleanFilter):
        # Its field takes whatever it does not know for "no filter": more rows than were asked for.
        if text.lower() not in BOOLEANS:
            raise ValidationError(_("Must be true or false."))
    elif not hasattr(declared.field, "choices"):
        declared.field.clean(text)


def takes_many(declared: Filter) -> bool:
    """Tell whether a filter takes several values."""
    return getattr(declared.field.widget, "allow_multiple_selected", False)


def as_text(value: Any) -> str:
    """Spell a JSON value as a form would send it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def describe_filters(title: str, filterset_class: type[FilterSet] | None, filters: Mapping[str, Any]) -> str:
    """Return what is exported in the user's words, in one line: Books (language: eng, published from: 1970)."""
    declared = filterset_class.base_filters if filterset_class else {}
    parts = [
        # One that django-filter derives from the model has no label as long as it belongs to no queryset.
        f"{_within_a_line(declared[name].label or name.replace('_', ' '))}: {_spoken(declared[name], value)}"
        for name, value in filters.items()
        if name in declared and value not in EMPTY
    ]
    line = " ".join(f"{title} ({', '.join(parts)})".split()) if parts else title
    return line if len(line) <= TITLE_LIMIT else f"{line[: TITLE_LIMIT - 1]}…"


def _cleaned(declared: Mapping[str, Filter], name: str, value: Any) -> str | list[str]:
    """Return one filter's value as text. Raises ValidationError with what is wrong with it."""
    if name not in declared:
        known = ", ".join(declared) or _("none")
        raise ValidationError(_("There is no such filter; there is: %(known)s.") % {"known": known})
    values = list(value) if isinstance(value, list | tuple) else [value]
    if len(values) > 1 and not takes_many(declared[name]):
        raise ValidationError(_("Takes one value, not several."))
    texts = [*_texts(values)]
    for text in texts:
        check_value(declared[name], text)
    if isinstance(declared[name], BooleanFilter):
        texts = [text.lower() for text in texts]
    return texts if takes_many(declared[name]) else texts[0]


def _texts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, dict | list | tuple | set):
            raise ValidationError(_("Must be text, a number, true or false."))
        yield as_text(value)


def _within_a_line(label: Any) -> str:
    """Write a label without its capital; one that begins with two is an abbreviation."""
    text = str(label)
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _spoken(declared: Filter, value: Any) -> str:
    if isinstance(declared, BooleanFilter):
        return _("yes") if as_text(value).lower() == "true" else _("no")
    return ", ".join(map(as_text, value)) if isinstance(value, list | tuple) else as_text(value)
