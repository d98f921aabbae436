"""Cancel a task: mark its row, then wake its monitor."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

from django.db import router, transaction

from brokerless import transitions
from brokerless.dispatch import dispatch
from brokerless.models import TaskState
from brokerless.processes import Process, host_name, kill_tree, send

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

# Tells a monitor to look at its row now. Not SIGTERM, which means that the machine or service shuts down.
LOOK_NOW = signal.SIGUSR1


def cancel(task: TaskState, *, by: AbstractBaseUser | None = None) -> bool:
    """Ask for a task to stop; False if it is finished already. `task` is brought up to date.

    A waiting task is cancelled at once. A running one is marked and its monitor told, after the commit; on
    another host the monitor sees the mark at its next heartbeat.
    """
    asked = transitions.request_cancel(task.pk, by=by)
    task.refresh_from_db()
    if asked is not None and task.monitor_pid is not None and task.host == host_name():
        monitor = Process(task.monitor_pid, task.monitor_start)
        tell = _wake if asked == TaskState.Status.RUNNING else _end_start
        transaction.on_commit(partial(tell, monitor), using=router.db_for_write(TaskState), robust=True)
    return asked is not None


def _wake(monitor: Process) -> None:
    send(monitor, LOOK_NOW)


def _end_start(process: Process) -> None:
    """End a process that has not adopted its task, and no longer can; its place is free."""
    kill_tree(process)
    dispatch()
