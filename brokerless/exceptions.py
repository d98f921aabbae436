"""The runner's exceptions. Every text shows the bad value, the good ones and the remedy."""

from __future__ import annotations


class BrokerlessError(Exception):
    """The base of every error that the runner raises."""


class UnknownCommand(BrokerlessError):  # noqa: N818 - reads as what it says, like Http404
    """There is no management command of that name."""


class InvalidArguments(BrokerlessError, ValueError):  # noqa: N818
    """The arguments are no JSON, or the command's own parser refuses them."""


class UnknownQueue(BrokerlessError):  # noqa: N818
    """There is no queue of that name in the settings."""


class TooManyTasks(BrokerlessError):  # noqa: N818
    """The owner has as many unfinished tasks as the settings allow; a view answers with 429."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"There are {most} unfinished tasks of this owner, the most that "
            "BROKERLESS['MAX_UNFINISHED_PER_OWNER'] allows: wait until some have ended, or cancel some."
        )
        self.most = most


class SpawnError(BrokerlessError):
    """The process of a task could not be started."""


class RuntimeDirError(BrokerlessError):
    """The runtime directory cannot be used: not ours, open to others, or not writable."""


class LeaseLost(BrokerlessError):  # noqa: N818
    """The task belongs to somebody else by now: this process must have no further effect."""


class TaskCancelled(KeyboardInterrupt):
    """Raised in the command by SIGTERM.

    A `KeyboardInterrupt`, so that the command's `except Exception` does not swallow it and psycopg cancels
    the statement that is running.
    """
