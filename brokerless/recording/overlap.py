"""No overlap: the same command with the same options runs once at a time, on all hosts that share the database."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from django.utils import timezone

from brokerless.admission import admit, unique_digest
from brokerless.exit_codes import EXIT_BUSY, EXIT_DONE
from brokerless.recording.typed import FAIL, WAIT
from brokerless.tick import look_after

if TYPE_CHECKING:
    from brokerless.models import TaskState

# Between two looks at the run that is waited for.
PAUSE = 0.5  # seconds
# How a run speaks, and not what it does.
NOT_COMPARED = frozenset({"verbosity"})


def key_of(task: TaskState) -> str:
    """Return the unique key of a recorded run."""
    options = {name: value for name, value in task.options.items() if name not in NOT_COMPARED}
    meaning = json.dumps([task.command, task.arguments, options], sort_keys=True)
    return unique_digest(f"by hand: {meaning}", owner_id=None, is_global=True)


def admit_alone(task: TaskState, *, if_running: str, quiet: bool) -> None:
    """Record a run; one that is the same and runs already is waited for, or ends this process (SystemExit).

    quiet: without a word for a run that is skipped.
    """
    is_told = False
    while True:
        other = admit(task)
        if not other.is_joined:
            return
        if look_after(other).is_finished:  # it was known to be running no more, and is told so now
            continue
        if if_running == FAIL:
            print(f"{_told(other)}.", file=sys.stderr)
            sys.exit(EXIT_BUSY)
        if if_running != WAIT:
            if not quiet:
                print(f"{_told(other)}; this run is skipped.", file=sys.stderr)
            sys.exit(EXIT_DONE)
        if not is_told and not quiet:
            print(f"{_told(other)}; waiting for its end.", file=sys.stderr)
        is_told = True
        time.sleep(PAUSE)


def _told(task: TaskState) -> str:
    since = timezone.localtime(task.created_at)
    where = task.host.split("/")[0] or "this host"
    return f"{task.command} with the same options runs since {since:%Y-%m-%d %H:%M:%S} on {where} (task {task.pk})"
