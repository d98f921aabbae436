"""What a row of a list says of a task, first and while it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from brokerless.models import TaskState
from brokerless.representation import error_line, given, progress, time_taken
from brokerless.templatetags.brokerless import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brokerless.models import TaskStateQuerySet

Status = TaskState.Status
# Long, and not shown in a list.
LONG_FIELDS = ("context", "result", "errors", "error_detail", "notices")
LONGEST_ERROR = 160  # characters of the one line
# How long a page waits until it asks again, in milliseconds.
POLL_PAUSE = 2_000
IDLE_POLL_PAUSE = 10_000


def row_of(task: TaskState) -> dict[str, Any]:
    """Return a task with what the list says of it beside its fields."""
    error = error_line(task) if task.status in {Status.FAILED, Status.LOST} else ""
    return {
        "task": task,
        "given": given(task),
        "text": status_text(task),
        "duration": duration_text(task),
        "error": error if len(error) <= LONGEST_ERROR else f"{error[: LONGEST_ERROR - 1]}…",
    }


def status_text(task: TaskState) -> str:
    """Return a task's status in words, with the percentage of a running one."""
    if task.is_cancelling:
        return _("Cancelling")
    so_far = progress(task) if task.status == Status.RUNNING else None
    if so_far is None or so_far["percent"] is None:
        return task.get_status_display()
    return _("%(status)s %(percent)s %%") % {"status": task.get_status_display(), "percent": so_far["percent"]}


def duration_text(task: TaskState) -> str:
    """Return how long the command ran, or has been running; empty for one that never did, or waits again."""
    if task.status == Status.RUNNING and task.started_at is not None:
        return duration(timezone.now() - task.started_at)
    return duration(time_taken(task))


def counts(tasks: TaskStateQuerySet) -> dict[str, int]:
    """Return how many of these tasks run and how many wait, with one query."""
    # By the index alone.
    found = dict(tasks.unfinished().order_by().values_list("status").annotate(number=Count("*")))
    waiting = found.pop(Status.READY, 0)
    return {"running": sum(found.values()), "waiting": waiting}


def next_list_poll(tasks: Iterable[TaskState]) -> int:
    """Return after how many milliseconds to ask again for some tasks."""
    return IDLE_POLL_PAUSE if all(task.is_finished for task in tasks) else POLL_PAUSE
