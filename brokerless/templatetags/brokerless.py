"""Template filters of the product's pages."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def grouped(number: int | None) -> str:
    """Write a number as the reader's language groups its digits (200,000); nothing for none."""
    return "" if number is None else number_format(number, use_l10n=True, force_grouping=True)
