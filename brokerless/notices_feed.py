"""What any page of a site is told of its user's tasks, in the user's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from brokerless.models import TaskState
from brokerless.representation import download, error_line, progress, status_text

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from brokerless.notices import Look, News

Status = TaskState.Status
SHOWN_TASKS = 5  # of the unfinished ones, the newest
# How long a page waits until it asks again, in milliseconds: while something is on the way, and else.
BUSY_PAUSE, IDLE_PAUSE = 3000, 15_000


def feed(found: Look) -> dict[str, Any]:
    """Return a user's tasks as the JSON that `docs/http.md` describes."""
    return {
        "running": found.running,
        "waiting": found.waiting,
        "tasks": [_in_brief(task) for task in found.unfinished[:SHOWN_TASKS]],
        "unshown": len(found.unshown),
        "next_poll_ms": BUSY_PAUSE if found.unfinished else IDLE_PAUSE,
    }


def as_json(news: News, user: AbstractBaseUser) -> dict[str, str]:
    """Return a notice, or the end of a task, as the JSON of what is shown once, to the task's owner."""
    return {
        "id": news.id,
        "kind": "end" if news.is_end else "notice",
        "status": news.task.status,
        "title": str(news.task),
        "text": end_text(news.task, user) if news.is_end else news.text,
        "url": reverse("brokerless:task", args=[news.task.pk]),
    }


def end_text(task: TaskState, user: AbstractBaseUser) -> str:
    """Return how a task has ended, in a sentence or so."""
    if task.status == Status.SUCCESSFUL:
        return _success_text(task, user)
    why = "" if task.status == Status.CANCELLED else error_line(task)
    if not why:
        return task.get_status_display()
    return _("%(status)s: %(reason)s") % {"status": task.get_status_display(), "reason": why}


def _success_text(task: TaskState, user: AbstractBaseUser) -> str:
    """Return what there is now that was not there before, as far as the task has said it."""
    made = download(task, user)
    if made and not made["is_expired"]:
        rows = made["rows"]
        if rows is None:
            return _("Finished, ready to download")
        text = ngettext(
            "Finished: %(rows)s row, ready to download", "Finished: %(rows)s rows, ready to download", rows
        )
        return text % {"rows": _grouped(rows)}
    if task.progress_current and task.progress_unit:
        return _("Finished: %(number)s %(unit)s") % {
            "number": _grouped(task.progress_current),
            "unit": task.progress_unit,
        }
    return _("Finished")


def _grouped(number: int) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)


def _in_brief(task: TaskState) -> dict[str, Any]:
    so_far = progress(task)
    return {
        "id": str(task.pk),
        "title": str(task),
        "status": task.status,
        "text": status_text(task),
        "percent": so_far["percent"] if so_far else None,
        "url": reverse("brokerless:task", args=[task.pk]),
    }
