"""The exit codes of `manage.py tasks` and of recorded runs; docs/operating.md has them in a table."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Mapping

Status = TaskState.Status

EXIT_DONE = 0
EXIT_ERROR = 1  # it could not be done; also a command that failed without a code of its own
EXIT_WRONG_ARGUMENTS = 2  # as argparse has it
EXIT_LOST = 70  # nobody knows how the command ended; EX_SOFTWARE of sysexits(3)
EXIT_BUSY = 75  # the same runs already; EX_TEMPFAIL of sysexits(3)
EXIT_TIME_UP = 124  # as timeout(1) has it
SIGNALLED = 128  # and the signal's number: as a shell reports a program that a signal ended
EXIT_INTERRUPTED = SIGNALLED + signal.SIGINT  # 130
EXIT_CANCELLED = SIGNALLED + signal.SIGTERM  # 143

OF_STATUS: Mapping[str, int] = {
    Status.SUCCESSFUL: EXIT_DONE,
    Status.CANCELLED: EXIT_CANCELLED,
    Status.LOST: EXIT_LOST,
}


def outcome_code(task: TaskState) -> int:
    """Return the exit code that tells how a finished task ended; only a successful one has 0."""
    if task.status in OF_STATUS:
        return int(OF_STATUS[task.status])
    if task.exit_signal:
        return int(SIGNALLED + task.exit_signal)
    # A command that exits with 0 without having returned has failed all the same.
    return task.exit_code or EXIT_ERROR
