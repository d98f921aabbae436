"""Bring rows to the truth: finish, or put back, the tasks whose processes are gone."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import Error
from django.db.models import F, Q
from django.db.models.functions import Now

from brokerless import attempts, children, outcome, transitions
from brokerless.conf import settings
from brokerless.leftovers import end_leftovers, end_processes_of
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process, host_name, kill_tree
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger("brokerless")

Status = TaskState.Status
# How often a task may be claimed without a process being noted for it.
CLAIMS_LIMIT = 3


def reap() -> int:
    """Look at every active task and return how many were changed; end what is left of tasks that are finished."""
    end_leftovers()
    # Of other hosts' running tasks only those that say nothing can be judged from here.
    is_own_or_silent = Q(host=host_name()) | Q(status=Status.STARTING) | _is_silent()
    return sum(_look_at_safely(task) for task in TaskState.objects.active().order_by().filter(is_own_or_silent))


def _look_at_safely(task: TaskState) -> bool:
    """Do as `look_at()` does; one row that cannot be judged must not keep the others from it."""
    try:
        return look_at(task)
    except Error:
        raise
    except Exception:
        logger.exception("task=%s could not be looked at", task.pk)
        return False


def look_at(task: TaskState) -> bool:
    """Bring one task to the truth, and say whether it was changed."""
    if not task.is_active:
        return False
    if task.host != host_name():
        return _look_at_elsewhere(task)
    if task.status == Status.RUNNING:
        return _look_at_running(task)
    return _look_at_starting(task)


def _look_at_running(task: TaskState) -> bool:
    monitor = Process(task.monitor_pid, task.monitor_start)
    if monitor.is_alive:
        return False
    is_gone = end_processes_of(task)
    files = TaskFiles(task.pk, task.lease)
    stored = files.read_finish()
    if stored is not None:
        return _finish_as_stored(task, stored)
    found = outcome.lost(children.return_code(monitor), files.log_tail())
    # Two attempts at once are worse than none.
    return _finish(task, found if is_gone else replace(found, is_final=True))


def _look_at_starting(task: TaskState) -> bool:
    if task.monitor_pid is None:
        if not (_overdue(task) and _put_back(task)):
            return False
        end_processes_of(task)  # it may have been started, and only its pid not noted
        return True
    process = Process(task.monitor_pid, task.monitor_start)
    files = TaskFiles(task.pk, task.lease)
    if not process.is_alive:
        return _finish(task, outcome.not_adopted(children.return_code(process), files.log_tail()))
    if not _overdue(task):
        return False
    # First the row, so that a process on its way cannot adopt it between the signal and the update.
    finished = _finish(task, outcome.start_timed_out(settings.START_TIMEOUT, files.log_tail()))
    if finished:
        kill_tree(process, reference=task.reference)
    return finished


def _put_back(task: TaskState) -> bool:
    """STARTING → READY, or FAILED when it was in vain too often."""
    times = task.claims_in_vain + 1
    if times >= CLAIMS_LIMIT:
        return _finish(task, outcome.claimed_in_vain(times))
    return transitions.put_back(task)


def _look_at_elsewhere(task: TaskState) -> bool:
    """Give up a task of another host after two looks at the same heartbeat; its pids mean nothing here."""
    if task.status == Status.STARTING:
        if not _overdue(task, settings.START_TIMEOUT + settings.LOST_AFTER):
            return False
        if task.monitor_pid is None:
            return _put_back(task)
        return _finish(task, outcome.silent_at_start(task.host, settings.START_TIMEOUT + settings.LOST_AFTER))
    files = TaskFiles(task.pk, task.lease)
    if (stored := files.read_finish()) is not None:
        # What its monitor could not write lies here: this is that host, started anew, or shares its files.
        return _finish_as_stored(task, stored)
    if not _database_says(task, _is_silent()):
        return False
    long_ago: datetime = Now() - _seconds(settings.LOST_AFTER)
    if task.stale_since is None:
        transitions.mark_stale(task, beat_before=long_ago)
        return False
    found = outcome.silent(task.host, settings.LOST_AFTER)
    is_given_up = transitions.give_up(task, found, first_look_before=long_ago)
    if is_given_up:
        files.remove_temporary()
    return is_given_up


def _finish_as_stored(task: TaskState, stored: dict[str, Any]) -> bool:
    """Write the end that a monitor kept in a file, which it did when its command had ended."""
    return _finish(task, Outcome.from_stored(stored), measured=stored.get("measured"))


def _finish(task: TaskState, found: Outcome, *, measured: dict[str, Any] | None = None) -> bool:
    status = attempts.settle(task, found, measured=measured, is_repeatable=False)
    if status is None:
        return False
    logger.warning("task=%s command=%s status=%s error=%s", task.pk, task.command, status, found.error_title)
    files = TaskFiles(task.pk, task.lease)
    files.remove_temporary()
    files.remove_finish()
    return True


def _is_silent() -> Q:
    return Q(heartbeat_at__lt=Now() - _seconds(settings.LOST_AFTER))


def _overdue(task: TaskState, seconds: float | None = None) -> bool:
    limit = settings.START_TIMEOUT if seconds is None else seconds
    return _database_says(task, Q(claimed_at__lt=Now() - _seconds(limit)))


def _database_says(task: TaskState, condition: Q) -> bool:
    """Ask the database, whose clock all hosts share."""
    return TaskState.objects.filter(condition, pk=task.pk, lease=F("lease")).exists()


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
