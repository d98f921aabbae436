"""The filters of an exporter as plain JSON: checked as strictly from the command line as from the web."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django_filters import BooleanFilter

from brokerless.exports.exceptions import InvalidFilters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_filters import Filter, FilterSet

BOOLEANS = ("true", "false")
TITLE_LIMIT = 200


def clean_filters(filterset_class: type[FilterSet] | None, filters: Mapping[str, Any]) -> MultiValueDict:
    """Return the given filters as a form's data; empty ones are left out.

    Raises InvalidFilters for a filter that does not exist and for a value that its field refuses.
    """
    declared = filterset_class.base_filters if filterset_class else {}
    errors: dict[str, list[str]] = {}
    data = MultiValueDict()
    for name, value in filters.items():
        if value in (None, "", []):
            continue
        if name not in declared:
            known = ", ".join(declared) or _("none")
            errors[name] = [_("There is no such filter; there is: %(known)s.") % {"known": known}]
            continue
        values = [as_text(item) for item in (value if isinstance(value, list) else [value])]
        data.setlist(name, values)
        errors |= _value_errors(name, declared[name], values)
    if not errors and filterset_class:
        errors = filterset_class(data).form.errors
    if errors:
        raise InvalidFilters(errors)
    return data


def check_value(declared: Filter, text: str) -> None:
    """Raise ValidationError for a text that is no value of the filter."""
    if isinstance(declared, BooleanFilter):
        # Its field takes whatever it does not know for "no filter": more rows than were asked for.
        if text.lower() not in BOOLEANS:
            raise ValidationError(_("Must be true or false."))
    elif not hasattr(declared.field, "choices"):
        declared.field.clean(text)


def as_text(value: Any) -> str:
    """Spell a JSON value as a form would send it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def describe_filters(title: str, filterset_class: type[FilterSet] | None, filters: Mapping[str, Any]) -> str:
    """Return what is exported in the user's words, in one line."""
    declared = filterset_class.base_filters if filterset_class else {}
    parts = [
        f"{declared[name].label} {as_text(value)}"
        for name, value in filters.items()
        if name in declared and value not in (None, "", [])
    ]
    line = " ".join(f"{title}: {', '.join(parts)}".split()) if parts else title
    return line if len(line) <= TITLE_LIMIT else f"{line[: TITLE_LIMIT - 1]}…"


def _value_errors(name: str, declared: Filter, values: list[str]) -> dict[str, list[str]]:
    try:
        for text in values:
            check_value(declared, text)
    except ValidationError as error:
        return {name: error.messages}
    return {}
