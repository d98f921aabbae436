"""A field of several values, one in a line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MOST_LINES = 1000


class LinesField(forms.CharField):
    """Takes one value in each line; blank lines are none. count: how many there must be, if there are any."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(self, *, count: int | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._count = count

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if len(lines) > MOST_LINES:
            raise ValidationError(_("At most %(most)s values.") % {"most": MOST_LINES})
        if lines and self._count is not None and len(lines) != self._count:
            text = ngettext(
                "Exactly %(count)s value is expected.",
                "Exactly %(count)s values are expected, one in each line.",
                self._count,
            )
            raise ValidationError(text % {"count": self._count})
        return lines
