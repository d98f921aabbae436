"""Checks of the entries that are about operation: who is told of failures, and how long tasks are kept."""

from __future__ import annotations

from django.conf import settings as django_settings
from django.core import checks

from brokerless.checks.messages import needs_right_settings
from brokerless.conf import settings
from brokerless.failure_mails import MANAGERS, RECIPIENTS
from brokerless.purging import LONGEST_AGE


@needs_right_settings
def check_failure_mails() -> list[checks.CheckMessage]:
    """E014: NOTIFY_FAILURES names somebody else. W011: it names managers, and there are none."""
    if unknown := [name for name in settings.NOTIFY_FAILURES if name not in RECIPIENTS]:
        text = f"BROKERLESS['NOTIFY_FAILURES'] names {', '.join(map(repr, unknown))}."
        hint = "Name 'owner', 'managers' or both; or leave it empty, and nobody is mailed."
        return [checks.Error(text, hint=hint, id="brokerless.E014")]
    if MANAGERS in settings.NOTIFY_FAILURES and not django_settings.MANAGERS:
        text = "BROKERLESS['NOTIFY_FAILURES'] names managers, but MANAGERS is empty: nobody would be mailed."
        return [checks.Warning(text, hint="Add their addresses to MANAGERS.", id="brokerless.W011")]
    return []


@needs_right_settings
def check_purge_after() -> list[checks.CheckMessage]:
    """E015: PURGE_AFTER is no time that a calendar knows."""
    days = settings.PURGE_AFTER
    if days is None or days <= LONGEST_AGE:
        return []
    text = f"BROKERLESS['PURGE_AFTER'] is {days!r}, more than the {LONGEST_AGE} days that can be reckoned with."
    hint = "Set it to fewer days; or to None, and nothing is purged by itself."
    return [checks.Error(text, hint=hint, id="brokerless.E015")]
