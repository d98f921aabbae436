"""Write the final status of a task, once, also when the database is away for a while."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from django.db import Error, connections

from brokerless import attempts
from brokerless.patience import bounded_statements
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from brokerless.models import TaskState
    from brokerless.outcome import Outcome

logger = logging.getLogger("brokerless")

# How long the monitor tries before it leaves the final status to whoever looks at the row next.
PATIENCE = 30.0  # seconds
PAUSE = 0.25


def finish(task: TaskState, outcome: Outcome, *, measured: dict[str, Any]) -> TaskState.Status | None:
    """Write how the monitor's attempt ended, remove its temporary files, and return the status that was written.

    None if somebody was first, or if the database could not be written for `PATIENCE`: then the outcome is kept in
    a file beside the log, which `brokerless.reap` applies before it judges the row.
    """
    files = TaskFiles(task.pk, task.lease)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with bounded_statements():
                written = attempts.settle(task, outcome, measured=measured)
            break
        except Error as error:
            connections.close_all()
            if time.monotonic() >= deadline:
                logger.error("task=%s its end is kept in a file: %s", task.pk, error)
                files.store_finish(outcome.stored() | {"measured": measured})
                return None
            time.sleep(PAUSE)
    # Its own in any case, and nothing of the attempt lives that could still be writing them.
    files.remove_temporary()
    return written
