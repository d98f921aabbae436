"""Template filters of the product's pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django import template
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from datetime import datetime, timedelta

register = template.Library()

MINUTE = 60  # seconds
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EXACT_UNTIL = 10  # seconds: below, a tenth is worth telling


@register.filter
def grouped(number: int | None) -> str:
    """Write a number as the reader's language groups its digits (200,000); nothing for none."""
    return "" if number is None else number_format(number, use_l10n=True, force_grouping=True)


@register.filter(expects_localtime=True)
def moment(at: datetime | None) -> str:
    """Write a moment as a date of the reader's language and a time with its seconds; nothing for none."""
    return (
        "" if at is None else _("%(date)s, %(time)s") % {"date": date_format(at), "time": at.strftime("%H:%M:%S")}
    )


@register.filter
def duration(length: timedelta | None) -> str:
    """Write how long something took, in its two largest units; nothing for none."""
    if length is None:
        return ""
    exact = max(0.0, length.total_seconds())
    if exact < EXACT_UNTIL:
        # Downwards: 9.97 s is not yet 10.0 s.
        tenths = number_format(math.floor(exact * 10) / 10, decimal_pos=1, use_l10n=True)
        return _("%(seconds)s s") % {"seconds": tenths}
    seconds = int(exact)
    if seconds < MINUTE:
        return _("%(seconds)s s") % {"seconds": seconds}
    if seconds < HOUR:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": seconds // MINUTE, "seconds": seconds % MINUTE}
    if seconds < DAY:
        return _("%(hours)s h %(minutes)s min") % {"hours": seconds // HOUR, "minutes": seconds % HOUR // MINUTE}
    return _("%(days)s d %(hours)s h") % {"days": seconds // DAY, "hours": seconds % DAY // HOUR}
