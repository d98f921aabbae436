"""Whether tasks are well: a list of questions, each answered with the problems that it finds.

For `manage.py tasks check` and the health URL. All of them only read, together with a handful of queries.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import Error
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from brokerless.conf import settings
from brokerless.exceptions import RuntimeDirError
from brokerless.hosts import is_or_are, known_names, paused_here, ticked_lately
from brokerless.models import TaskState
from brokerless.outcome import size_words
from brokerless.patience import bounded_statements
from brokerless.runtime_dir import create_private_directory, runtime_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from django.db.models import QuerySet

Status = TaskState.Status

# A tick every minute, and half of one until what it starts is active.
TICK_PATIENCE = timedelta(seconds=90)
LATELY = timedelta(hours=1)
# Beyond this a number says no more, and counting would cost.
COUNT_LIMIT = 1000
THEN = ("was", "were")
# How an attempt ends that never began; see `brokerless.outcome`.
NOT_STARTED = ("not-spawned", "start-timed-out", "exited-at-start")


@dataclass(frozen=True)
class Problem:
    """What is not well, under a name for programs; a notice is no reason to call somebody."""

    name: str
    text: str
    is_notice: bool = False


def look() -> list[Problem]:
    """Return what is not well, failures before notices; never raises: a database that is away is one, too."""
    problems = []
    try:
        with bounded_statements():
            for question in QUESTIONS:
                problems += question()
    except Error as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        problems.append(Problem("database", f"The database cannot be asked: {reason}"))
    except Exception as error:  # whoever asks for the health wants an answer, whatever is wrong
        problems.append(Problem("look", f"The look itself failed: {type(error).__name__}: {error}"))
    return sorted(problems, key=lambda problem: problem.is_notice)


def is_healthy(problems: list[Problem]) -> bool:
    return all(problem.is_notice for problem in problems)


def as_json(problems: list[Problem]) -> dict[str, Any]:
    """Return what was found as JSON, for programs that may know it."""
    found = [{"name": each.name, "text": each.text, "notice": each.is_notice} for each in problems]
    return {"healthy": is_healthy(problems), "problems": found}


def disk() -> list[Problem]:
    """The runtime directory cannot be used, or its disk is full."""
    path = _existing(runtime_directory())
    if path == runtime_directory():
        try:
            create_private_directory(path)  # which it is; this looks whether it may be used
        except RuntimeDirError as error:
            return [Problem("directory", str(error))]
    try:
        found = os.statvfs(path)
    except OSError as error:
        return [Problem("disk", f"{path} cannot be looked at: {error.strerror}.")]
    if not os.access(path, os.W_OK | os.X_OK):
        return [Problem("disk", f"{path} cannot be written: no task can be started.")]
    free = found.f_bavail * found.f_frsize
    if free < settings.LEAST_DISK:
        wanted = size_words(settings.LEAST_DISK)
        return [Problem("disk", f"The disk of {path} is full: {size_words(free)} are free, less than {wanted}.")]
    if found.f_files and not found.f_favail:
        return [Problem("disk", f"The disk of {path} is full: it takes no further file.")]
    return []


def waiting() -> list[Problem]:
    """Tasks wait too long, or with nothing running that would start them, or because of a pause."""
    since = oldest_due()
    if since is None:
        return []
    pauses = list(paused_here())
    waited = timezone.now() - since
    too_long = waited > timedelta(seconds=settings.LONGEST_WAIT)
    problems = [
        Problem(
            "paused",
            f"{is_or_are(host)} paused since {_moment(host.paused_at)}, and tasks are waiting.",
            not too_long,
        )
        for host in pauses
    ]
    if not pauses and waited > TICK_PATIENCE and not alive().exists() and not ticked_lately().exists():
        number = counted(TaskState.objects.due())
        problems.append(Problem("dispatch", f"{number} waiting, and nothing is running that would start them."))
    if too_long:
        limit = f"{settings.LONGEST_WAIT:g} s (LONGEST_WAIT)"
        problems.append(Problem("waiting", f"A task has been due since {_moment(since)}, longer than {limit}."))
    return problems


def ended() -> list[Problem]:
    """Tasks were lost, or could not be started, within the last hour."""
    lately = TaskState.objects.filter(host__in=known_names(), finished_at__gt=Now() - LATELY)
    lost = counted(lately.filter(status=Status.LOST), verbs=THEN)
    not_started = counted(lately.filter(status=Status.FAILED, error_type__in=NOT_STARTED), verbs=THEN)
    problems = []
    if lost:
        problems.append(Problem("lost", f"{lost} lost within the last hour."))
    if not_started:
        problems.append(Problem("start", f"{not_started} not started within the last hour, as that failed."))
    return problems


def silent() -> list[Problem]:
    """Tasks have been silent, or starting, for so long that anybody's look would have said LOST."""
    silence = timedelta(seconds=2 * settings.LOST_AFTER) + TICK_PATIENCE
    start = silence + timedelta(seconds=settings.START_TIMEOUT)
    is_running = Q(status=Status.RUNNING, heartbeat_at__lt=Now() - silence)
    is_starting = Q(status=Status.STARTING, claimed_at__lt=Now() - start)
    number = counted(TaskState.objects.filter(is_running | is_starting))
    text = f"{number} running or starting without a sign of life, and nobody looks."
    return [Problem("silent", text)] if number else []


# What needs no database comes first: one that is away ends the look.
QUESTIONS: tuple[Callable[[], list[Problem]], ...] = (disk, waiting, ended, silent)


def oldest_due() -> datetime | None:
    """Return since when the task that has waited longest beyond its time has been due; None if none is."""
    ready = TaskState.objects.ready()
    # Apart, as an index has either in its order.
    at_once = ready.filter(run_after=None).order_by("created_at").values_list("created_at", flat=True)
    later = ready.filter(run_after__lte=Now()).order_by("run_after").values_list("run_after", flat=True)
    return min((each for each in (at_once.first(), later.first()) if each is not None), default=None)


def alive() -> QuerySet[TaskState]:
    """Select what will start others when it ends: not what only looks active since its host went away."""
    silence = timedelta(seconds=settings.LOST_AFTER) + TICK_PATIENCE
    start = timedelta(seconds=settings.START_TIMEOUT) + TICK_PATIENCE
    is_running = Q(status=Status.RUNNING, heartbeat_at__gt=Now() - silence)
    return TaskState.objects.filter(is_running | Q(status=Status.STARTING, claimed_at__gt=Now() - start))


def counted(tasks: QuerySet[TaskState], *, verbs: tuple[str, str] = ("is", "are")) -> str:
    """Return how many tasks there are, with the verb for one or several; an empty text for none."""
    one, several = verbs
    number = tasks.order_by()[: COUNT_LIMIT + 1].count()
    if number > COUNT_LIMIT:
        return f"More than {COUNT_LIMIT} tasks {several}"
    return {0: "", 1: f"1 task {one}"}.get(number, f"{number} tasks {several}")


def _existing(path: Path) -> Path:
    """Return the directory, or the one in which it would be made."""
    return next(each for each in (path, *path.absolute().parents) if os.path.lexists(each))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}".strip()
