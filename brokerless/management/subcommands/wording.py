"""Tasks in words, for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from brokerless.functions.wording import function_path
from brokerless.management.subcommands.tables import printable
from brokerless.models import TaskState
from brokerless.representation import error_line, progress, time_taken, waits_until
from brokerless.templatetags.brokerless import duration

if TYPE_CHECKING:
    from datetime import datetime, timedelta

Status = TaskState.Status


def name_of(task: TaskState) -> str:
    """Return what a task runs: its command, or its function."""
    return printable(function_path(task) or task.command)


def status_words(task: TaskState) -> str:
    return "CANCELLING" if task.is_cancelling else str(task.status)


def outcome_words(task: TaskState) -> str:
    """Say how a finished task ended, and after how long."""
    took = time_taken(task)
    words = f"{task.status} after {duration(took)}" if took else str(task.status)
    why = printable(error_line(task))
    return f"{words}: {why}" if why else f"{words}."


def moment_words(at: datetime | None, *, is_short: bool = False) -> str:
    """Write a moment in the site's time zone; nothing for none. In short: of today the time, else the date."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    if is_short:
        return local.strftime("%H:%M:%S" if local.date() == timezone.localdate() else "%Y-%m-%d")
    return local.strftime("%Y-%m-%d %H:%M:%S")


def running_time(task: TaskState) -> timedelta | None:
    """Return how long the command ran, or has been running; None for one that never did."""
    is_running = task.status == Status.RUNNING and task.started_at is not None
    return timezone.now() - task.started_at if is_running else time_taken(task)


def progress_words(so_far: dict[str, Any] | None) -> str:
    """Say how far a task is, as `representation.progress` has it; nothing before it has said anything."""
    if so_far is None:
        return ""
    total = "" if so_far["total"] is None else f" of {so_far['total']:,}"
    percent = "" if so_far["percent"] is None else f" ({so_far['percent']} %)"
    words = [f"{so_far['current']:,}{total} {so_far['unit']}".rstrip() + percent]
    words += [f"{so_far['rate']:,.0f}/s"] if so_far["rate"] else []
    words += [f"{so_far['eta_seconds']} s left"] if so_far["eta_seconds"] is not None else []
    stage = f"{so_far['message']}: " if so_far["message"] else ""
    return printable(stage + ", ".join(words))


def note(task: TaskState) -> str:
    """Say in one line what there is to know of a task beside its status."""
    if task.status == Status.RUNNING:
        return progress_words(progress(task))
    if start := waits_until(task):
        return f"not before {moment_words(start)}"
    return printable(error_line(task))
