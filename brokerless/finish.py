"""Write the final status of a task, once, also when the database is away for a while."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import Error, connections

from brokerless import transitions
from brokerless.models import TaskState
from brokerless.outcome import cancelled
from brokerless.patience import bounded_statements
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from uuid import UUID

    from brokerless.outcome import Outcome

logger = logging.getLogger("brokerless")

# How long the monitor tries before it leaves the final status to whoever looks at the row next.
PATIENCE = 30.0  # seconds
PAUSE = 0.25


def finish(task_id: UUID, lease: int, outcome: Outcome, *, progress: dict[str, Any]) -> bool:
    """RUNNING → the outcome's status, and remove the task's temporary files; False if somebody was first.

    While the database cannot be written this tries again; after `PATIENCE` the outcome is kept in a file
    beside the log, which `brokerless.reap` applies before it judges the row.
    """
    files = TaskFiles(task_id, lease)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with bounded_statements():
                finished = _finish(task_id, lease, outcome, progress)
            break
        except Error as error:
            connections.close_all()
            if time.monotonic() >= deadline:
                logger.error("task=%s its end is kept in a file: %s", task_id, error)
                files.store_finish(outcome.fields())
                return False
            time.sleep(PAUSE)
    if finished:
        files.remove_temporary()
    return finished


def _finish(task_id: UUID, lease: int, outcome: Outcome, progress: dict[str, Any]) -> bool:
    """Write the outcome; a failure after a request to stop is the stopping, also where no beat has seen that."""
    if outcome.status != TaskState.Status.FAILED:
        return transitions.finish(task_id, lease, outcome, progress=progress)
    if transitions.finish(task_id, lease, outcome, progress=progress, unless_cancelled=True):
        return True
    stopped = replace(cancelled(), exit_code=outcome.exit_code, exit_signal=outcome.exit_signal)
    is_asked = TaskState.objects.filter(pk=task_id, lease=lease, cancel_requested_at__isnull=False).exists()
    return is_asked and transitions.finish(task_id, lease, stopped, progress=progress)
