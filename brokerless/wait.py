"""Wait for a task, for scripts and commands; a view never does."""

from __future__ import annotations

import time

from django.db import connections, router

from brokerless.exceptions import BrokerlessError
from brokerless.models import TaskState
from brokerless.tick import look_after

FIRST_PAUSE = 0.02  # seconds; doubled up to the longest
LONGEST_PAUSE = 0.5


def wait(task: TaskState, *, timeout: float | None = None) -> TaskState:
    """Block until a task is finished, and return it.

    Raises TimeoutError after `timeout` seconds; BrokerlessError inside a transaction, where the task cannot
    start before the caller has gone on.
    """
    if connections[router.db_for_write(TaskState)].in_atomic_block:
        raise BrokerlessError("wait() inside a transaction would never end: a task starts after the commit.")
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        task.refresh_from_db()
        if look_after(task).is_finished:
            return task
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(f"The task {task.pk} is still {task.status} after {timeout:g} s.")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
