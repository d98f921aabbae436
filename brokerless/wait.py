"""Wait for a task, for scripts and commands; a view never does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.db import connections, router

from brokerless import inline
from brokerless.exceptions import BrokerlessError
from brokerless.models import TaskState
from brokerless.tick import look_after

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE = 0.02  # seconds; doubled up to the longest
LONGEST_PAUSE = 0.5


def wait(
    task: TaskState, *, timeout: float | None = None, on_look: Callable[[TaskState], object] | None = None
) -> TaskState:
    """Block until a task is finished, and return it.

    on_look: called with the task each time that it has been looked at and is not finished.
    Raises TimeoutError after `timeout` seconds; BrokerlessError inside a transaction, where the task cannot
    start before the caller has gone on.
    """
    if inline.substitute() is not None:
        return _as_it_is(task)
    if connections[router.db_for_write(TaskState)].in_atomic_block:
        raise BrokerlessError("wait() inside a transaction would never end: a task starts after the commit.")
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        task.refresh_from_db()
        if look_after(task).is_finished:
            return task
        if on_look is not None:
            on_look(task)
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(f"The task {task.pk} is still {task.status} after {timeout:g} s.")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _as_it_is(task: TaskState) -> TaskState:
    """Return a task that has ended within its launch. Raises BrokerlessError for one that nothing will start."""
    task.refresh_from_db()
    if not task.is_finished:
        raise BrokerlessError(
            f"wait() would never end: the task {task.pk} is {task.status}; in this test it starts at the commit, "
            "or by run_due_tasks()."
        )
    return task
