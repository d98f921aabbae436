"""Template filters of the product's pages, and the tag that tells of tasks on any page of a site."""

from __future__ import annotations

import logging
import math
import signal
import warnings
from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.db import DatabaseError, connections, router
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from brokerless.ending_words import told
from brokerless.models import TaskState
from brokerless.notices import TAKEN_LIMIT, look
from brokerless.notices_feed import as_json, feed
from brokerless.representation import can_stream

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest

    from brokerless.notices import Look

logger = logging.getLogger("brokerless")
_logged: set[type[DatabaseError]] = set()

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
def ending(error: dict[str, Any]) -> str:
    """Write how an earlier attempt ended, in the reader's language where the product itself said it."""
    return told(error.get("type", ""), error.get("title", ""))


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


@register.filter
def remaining(seconds: int) -> str:
    """Write how long something will take, in the one unit that tells it; as tasks.js does."""
    if seconds < 1.5 * MINUTE:
        return ngettext("%(number)s second", "%(number)s seconds", seconds) % {"number": seconds}
    if seconds < 1.5 * HOUR:
        minutes = int(seconds / MINUTE + 0.5)
        return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes}
    hours = int(seconds / HOUR + 0.5)
    return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": grouped(hours)}


@register.filter
def rounded(number: float) -> str:
    """Write a number with as many places as say something, which are none from ten on; as tasks.js does."""
    tenths = round(number, 1)
    places = 1 if tenths < 10 and tenths % 1 else 0
    return number_format(tenths, decimal_pos=places, use_l10n=True, force_grouping=True)


@register.filter
def filled(text: str, value: str) -> str:
    """Put a value into a text that tasks.js fills too, where it has %s."""
    return text.replace("%s", value)


@register.filter
def clock(at: str) -> str:
    """Write the time of day of a moment that is stored as ISO 8601."""
    moment = parse_datetime(at)
    return timezone.localtime(moment).strftime("%H:%M:%S") if timezone.is_aware(moment) else f"{moment:%H:%M:%S}"


@register.filter
def signal_name(number: int) -> str:
    """Write a signal with its name, where it has one."""
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


@register.inclusion_tag("brokerless/task_notices.html", takes_context=True)
def task_notices(context: template.Context) -> dict[str, Any]:
    """Show the user's running and waiting tasks, and what their tasks tell; two queries, none for a visitor.

    Nothing is shown without a login, and where the site has no pages of tasks. What it shows without scripts stays
    until it is dismissed.
    """
    request = _request(context)
    address, user = _address("notices"), getattr(request, "user", None)
    if not address or user is None or not user.is_authenticated:
        return {}
    found = _looked(user)
    if found is None:
        return {}
    brief = feed(found)
    words = {"running": _("%s running"), "waiting": _("%s waiting")}
    return {
        "notices_url": address,
        "events_url": _address("events_of") if can_stream(request) else "",
        "list_url": _address("tasks"),
        "feed": brief,
        "words": words,  # in which the script writes its own numbers
        "counts": {name: text.replace("%s", grouped(brief[name])) for name, text in words.items()},
        "unshown_notices": [as_json(news, user) for news in found.unshown[:TAKEN_LIMIT]],
        "next": request.get_full_path(),
        "user": user,
    }


def _looked(user: AbstractBaseUser) -> Look | None:
    """Look at a user's tasks; None if the database has none, as before `migrate`: a page does without its badge.

    In a transaction, which may be spoilt by it, it is an error.
    """
    try:
        return look(user)
    except DatabaseError as error:
        if connections[router.db_for_write(TaskState)].in_atomic_block:
            raise
        if type(error) not in _logged:  # and not again for each page
            _logged.add(type(error))
            logger.warning("{%% task_notices %%} shows nothing, as tasks cannot be read: %s", error)
        return None


def _request(context: template.Context) -> HttpRequest | None:
    """Return the request that is answered; None for none, as of the page of an error that Django shows itself."""
    request = getattr(context, "request", None) or context.get("request")
    if request is None and settings.DEBUG:
        warnings.warn(
            "{% task_notices %} shows nothing, as there is no request in its context: render the page with "
            "render(request, …), or with 'django.template.context_processors.request'.",
            stacklevel=2,
        )
    return request


def _address(name: str) -> str:
    try:
        return reverse(f"brokerless:{name}")
    except NoReverseMatch:
        return ""
