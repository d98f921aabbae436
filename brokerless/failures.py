"""How a task can fail other than by an exception of its own: a class for each, as `TaskResult.errors` names them.

None of them is raised. The key is the row's `error_type`.
"""

from __future__ import annotations

from brokerless.exceptions import BrokerlessError


class TaskFailure(BrokerlessError):  # noqa: N818 - the others read as what happened, like Http404
    """The base of all of them."""


class TaskLost(TaskFailure):
    """The process that watched the command is gone, and nobody knows how the command ended: the task is LOST."""


class KilledBySignal(TaskFailure):
    """The command was ended by a signal that nobody had asked for here."""


class ExitedUnexpectedly(TaskFailure):
    """The command's process exited in its midst, without a word about how it ended."""


class OutOfMemory(TaskFailure):
    """The kernel killed the command, probably as memory ran out."""


class MemoryLimitExceeded(TaskFailure):
    """The command was stopped as it used more memory than it may."""


class TimeLimitExceeded(TaskFailure):
    """The command was stopped as it ran longer than it may."""


class ServiceStopped(TaskFailure):
    """The command was stopped with its service: a shutdown or a restart."""


class NotStarted(TaskFailure):
    """The task's process could not be started, or ended before the command began."""


class NotWatched(TaskFailure):
    """The command was ended as its monitor could not go on watching it."""


FAILURES: dict[str, type[TaskFailure]] = {
    "lost": TaskLost,
    "TaskCancelled": KilledBySignal,  # SIGTERM reached the command alone
    "killed-by-signal": KilledBySignal,
    "exited": ExitedUnexpectedly,
    "exited-without-reporting": ExitedUnexpectedly,
    "out-of-memory": OutOfMemory,
    "memory-limit": MemoryLimitExceeded,
    "timed-out": TimeLimitExceeded,
    "shut-down": ServiceStopped,
    "not-spawned": NotStarted,
    "exited-at-start": NotStarted,
    "start-timed-out": NotStarted,
    "not-watched": NotWatched,
}
