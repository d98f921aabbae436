"""The example site's forms."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _


class GenerateBooksForm(forms.Form):
    """How many books to generate, from one to the maximum of the settings."""

    count = forms.IntegerField(label=_("How many books?"), min_value=1)

    def __init__(self, *arguments, **keywords) -> None:
        super().__init__(*arguments, **keywords)
        maximum = settings.GENERATE_BOOKS_MAXIMUM
        count = self.fields["count"]
        count.validators.append(MaxValueValidator(maximum))
        count.widget.attrs["max"] = maximum
        count.help_text = _("At most %(maximum)s.") % {
            "maximum": number_format(maximum, use_l10n=True, force_grouping=True)
        }
