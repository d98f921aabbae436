"""The words of the actions on selected tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from collections.abc import Callable


def question(action: str, number: int) -> str:
    """Return what a page asks before so many tasks are acted on."""
    return QUESTIONS[action](number) if number else _("Nothing can be done with these tasks.")


def button(action: str) -> str:
    return {
        "cancel": _("Yes, cancel"),
        "retry": _("Yes, do again"),
        "delete": _("Yes, delete"),
    }[action]


def done_sentence(action: str, number: int) -> str:
    return DONE_SENTENCES[action](number)


def left_out_sentence(number: int) -> str:
    text = ngettext("%(number)d more task was left out.", "%(number)d more tasks were left out.", number)
    return text % {"number": number}


def _ask_cancel(number: int) -> str:
    return ngettext("Cancel %(number)d task?", "Cancel %(number)d tasks?", number) % {"number": number}


def _ask_retry(number: int) -> str:
    return ngettext("Do %(number)d task again?", "Do %(number)d tasks again?", number) % {"number": number}


def _ask_delete(number: int) -> str:
    return ngettext("Delete %(number)d task?", "Delete %(number)d tasks?", number) % {"number": number}


def _say_cancelled(number: int) -> str:
    text = ngettext("%(number)d task is being cancelled.", "%(number)d tasks are being cancelled.", number)
    return text % {"number": number}


def _say_retried(number: int) -> str:
    text = ngettext("%(number)d task is being done again.", "%(number)d tasks are being done again.", number)
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
