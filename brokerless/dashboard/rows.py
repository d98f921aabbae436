"""What a row of a list says of a task, first and while it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils import timezone

from brokerless.call import in_words
from brokerless.functions.wording import function_path
from brokerless.models import TaskState
from brokerless.representation import error_line, given, status_text, time_taken
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
        "given": _given(task),
        "text": status_text(task),
        "duration": duration_text(task),
        "error": error if len(error) <= LONGEST_ERROR else f"{error[: LONGEST_ERROR - 1]}…",
    }


def _given(task: TaskState) -> str:
    """Return what a task was given where its title is no more than the name of its command or function."""
    names = {"", in_words(task.command), in_words(function_path(task).rpartition(".")[2])}
    return given(task) if task.title in names else ""


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
