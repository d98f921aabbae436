"""The words of the actions on selected tasks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brokerless.dashboard.actions import Outcome

MOST_NAMED = 3  # titles of those that were left out for one reason


def question(action: str, number: int) -> str:
    """Return what a page asks before so many tasks are acted on."""
    return QUESTIONS[action](number) if number else _("Nothing can be done with these tasks.")


def button(action: str) -> str:
    return {
        "cancel": _("Yes, cancel"),
        "retry": _("Yes, retry"),
        "delete": _("Yes, delete"),
    }[action]


def done_sentence(action: str, number: int) -> str:
    return DONE_SENTENCES[action](number)


def done_already() -> str:
    return _("This was confirmed already; nothing is done twice.")


def left_out_sentences(outcomes: Sequence[Outcome]) -> str:
    """Say which tasks were left out, those of one reason together; a task alone needs no number."""
    if len(outcomes) == 1:
        return _("%(task)s: %(reason)s") % {"task": outcomes[0].task, "reason": outcomes[0].detail}
    titles: dict[str, list[str]] = {}
    for outcome in outcomes:
        titles.setdefault(outcome.detail, []).append(str(outcome.task))
    text = ngettext("%(number)d task was left out.", "%(number)d tasks were left out.", len(outcomes))
    reasons = [_of_one_reason(reason, its) for reason, its in titles.items()]
    return " ".join([text % {"number": len(outcomes)}, *reasons])


def _of_one_reason(reason: str, titles: list[str]) -> str:
    """Name the first titles; many tasks are often called the same."""
    counted = Counter(titles).most_common()
    named = "; ".join(title if times == 1 else f"{title} ×{times}" for title, times in counted[:MOST_NAMED])
    if others := sum(times for _title, times in counted[MOST_NAMED:]):
        named = _("%(tasks)s and %(number)d more") % {"tasks": named, "number": others}
    return _("%(reason)s: %(tasks)s.") % {"reason": reason.rstrip("."), "tasks": named}


def _ask_cancel(number: int) -> str:
    return ngettext("Cancel %(number)d task?", "Cancel %(number)d tasks?", number) % {"number": number}


def _ask_retry(number: int) -> str:
    return ngettext("Retry %(number)d task?", "Retry %(number)d tasks?", number) % {"number": number}


def _ask_delete(number: int) -> str:
    return ngettext("Delete %(number)d task?", "Delete %(number)d tasks?", number) % {"number": number}


def _say_cancelled(number: int) -> str:
    text = ngettext("%(number)d task is being cancelled.", "%(number)d tasks are being cancelled.", number)
    return text % {"number": number}


def _say_retried(number: int) -> str:
    text = ngettext("%(number)d task is being retried.", "%(number)d tasks are being retried.", number)
    return text % {"number": number}


def _say_deleted(number: int) -> str:
    text = ngettext("%(number)d task was deleted.", "%(number)d tasks were deleted.", number)
    return text % {"number": number}


QUESTIONS: dict[str, Callable[[int], str]] = {
    "cancel": _ask_cancel,
    "retry": _ask_retry,
    "delete": _ask_delete,
}
DONE_SENTENCES: dict[str, Callable[[int], str]] = {
    "cancel": _say_cancelled,
    "retry": _say_retried,
    "delete": _say_deleted,
}
