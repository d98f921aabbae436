"""Cancel a task: mark its row, then wake its monitor."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connections, router, transaction
from django.utils import timezone

from brokerless import inline, transitions
from brokerless.dispatch import dispatch
from brokerless.models import TaskState
from brokerless.patience import short_patience
from brokerless.processes import TASK_VARIABLE, Process, host_name, kill_marked, kill_tree, send
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

# Tells a monitor to look at its row now. Not SIGTERM, which means that the machine or service shuts down.
LOOK_NOW = signal.SIGUSR1


def cancel(task: TaskState, *, by: AbstractBaseUser | None = None) -> bool:
    """Ask for a task to stop; False if it is finished already. `task` is brought up to date.

    A waiting task is cancelled at once. A running one is marked and its monitor told, after the commit; on
    another host the monitor sees the mark at its next heartbeat. Where the row cannot be written because SQLite is
    locked, perhaps by this very command, the request goes to the monitor on the same host through a file.
    """
    by_id = None if by is None else by.pk
    try:
        with short_patience():
            asked = transitions.request_cancel(task.pk, by_id=by_id)
    except OperationalError:
        if connections[router.db_for_write(TaskState)].vendor != "sqlite":
            raise
        if _has_monitor_here(task):
            return _leave_request(task, by_id) or cancel(task, by=by)
        asked = transitions.request_cancel(task.pk, by_id=by_id)  # only the row tells of it: with usual patience
    task.refresh_from_db()
    if (instead := inline.substitute()) is not None:
        instead.stop(task)
    elif asked in TaskState.ACTIVE and task.host == host_name():
        tell = _wake if asked == TaskState.Status.RUNNING else _end_start
        transaction.on_commit(partial(tell, task), using=router.db_for_write(TaskState), robust=True)
    return asked is not None


def _has_monitor_here(task: TaskState) -> bool:
    """Tell whether there is a monitor that a file can reach while SQLite takes no writes."""
    task.refresh_from_db()  # reading works beside a writer in WAL
    return task.status == TaskState.Status.RUNNING and task.host == host_name()


def _leave_request(task: TaskState, by_id: Any) -> bool:
    """Leave word for the monitor; False if the attempt ended meanwhile, and perhaps before it could read that."""
    files, lease = TaskFiles(task.pk, task.lease), task.lease
    files.leave_cancel_request(by_id=by_id)
    _wake(task)
    task.refresh_from_db()
    if task.status != TaskState.Status.RUNNING or task.lease != lease:
        files.remove_temporary()
        return False
    # For whoever shows the task now; the monitor writes both when it can.
    task.cancel_requested_at, task.cancel_requested_by_id = timezone.now(), by_id
    return True


def _wake(task: TaskState) -> None:
    send(Process(task.monitor_pid, task.monitor_start), LOOK_NOW)


def _end_start(task: TaskState) -> None:
    """End a process that has not adopted its task, and no longer can; its place is free."""
    if task.monitor_pid is not None:
        kill_tree(Process(task.monitor_pid, task.monitor_start), reference=task.reference)
    else:  # about to be spawned, or spawned by somebody who died before noting it
        kill_marked([f"{TASK_VARIABLE}={task.reference}"])
    dispatch()
