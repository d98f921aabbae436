"""A field for JSON, of which a task can keep whatever passes it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext as _

from brokerless.arguments import as_json
from brokerless.exceptions import InvalidArguments

DEEPEST = 100  # lists and objects within each other


class JsonField(forms.JSONField):
    """Takes JSON, and tells of what Python reads and nothing can store; longest: in characters.

    Django's raises what is no mistake to it: for numbers of thousands of digits, and for brackets by the thousand.
    """

    def __init__(self, *, longest: int, **keywords: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3, "maxlength": longest}), **keywords)
        self._longest = longest

    def to_python(self, value: Any) -> Any:
        if len(value or "") > self._longest:
            raise ValidationError(_("At most %(most)s characters.") % {"most": self._longest})
        try:
            found = as_json(super().to_python(value), "value")
        except (ValueError, RecursionError, InvalidArguments) as error:
            raise self._invalid(value) from error
        if _is_deeper(found, DEEPEST):
            raise self._invalid(value)
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the page shows again; what is no JSON as it was typed."""
        try:
            self.to_python(data)
        except ValidationError:
            return InvalidJSONInput(data)
        return super().bound_data(data, initial)

    def _invalid(self, value: Any) -> ValidationError:
        return ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value})


def _is_deeper(value: Any, most: int) -> bool:
    """Tell whether there are more lists and objects within each other, without going down into them."""
    level = [value]
    for _depth in range(most + 1):
        level = [child for each in level for child in _children(each)]
    return bool(level)


def _children(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
