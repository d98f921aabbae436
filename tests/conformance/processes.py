"""The processes of a run's tasks: all of them are to be gone when it ends."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import psutil

from brokerless.models import TaskState

VARIABLE = "CONFORMANCE_DIRECTORY"
# A monitor that has ended its task may look after the next one's time for a second or two.
ENDING_TIME = 15.0  # seconds
LOOK_INTERVAL = 0.05


def end_all() -> list[str]:
    """Cancel what is not finished, and wait; kill whatever does not end, and return a sentence about each."""
    for task in TaskState.objects.unfinished():
        task.cancel()
    deadline = time.monotonic() + ENDING_TIME
    while (left := _living()) and time.monotonic() < deadline:
        time.sleep(LOOK_INTERVAL)
    return [_killed(process) for process in left]


def _living() -> list[psutil.Process]:
    """Return the processes that this one has started, and those that they have, by the mark they inherit."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(VARIABLE) == os.environ[VARIABLE]:
                found.append(process)
    return found


def _killed(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        process.kill()
    return f"Process {process.pid} did not end by itself within {ENDING_TIME:g} s, and was killed."
