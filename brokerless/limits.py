"""The limits of one attempt: how long its command may take, and how much memory."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from brokerless import outcome
from brokerless.stop import Stop

# From SIGTERM to SIGKILL for a command that uses too much memory: short, as it may go on taking more from all the
# others; not nothing, as one that can stop removes its temporary files.
MEMORY_GRACE = 2.0  # seconds
# What has grown so much since it was told to stop is killed at once.
LARGEST_GROWTH = 1.25  # times what it used then


@dataclass
class Limits:
    """The limits, in seconds and bytes, of an attempt that begins now; None for no limit.

    grace: how long the command may take to stop.
    """

    timeout: float | None
    memory: int | None
    grace: float
    began: float = field(default_factory=time.monotonic)
    _memory_then: int | None = None  # when it was found to be too much

    def next_change(self, stop: Stop | None) -> float | None:
        """Return when the time is over, on the monotonic clock; None when nothing depends on it."""
        return None if stop is not None or self.timeout is None else self.began + self.timeout

    def enforce(self, stop: Stop | None, *, now: float, memory: int) -> Stop | None:
        """Return how the command is being ended, if it is: as before, or because it is over a limit.

        What it is ended for first is its outcome. Beyond its memory limit no command is waited for long, whatever
        it is ended for.
        """
        is_too_large = self.memory is not None and memory > self.memory
        if stop is None and is_too_large:
            stop = Stop(outcome.memory_exceeded(self.memory), MEMORY_GRACE, began=now)
        elif stop is None and self.timeout is not None and now >= self.began + self.timeout:
            stop = Stop(outcome.timed_out(self.timeout), self.grace, began=now)
        if stop is not None and is_too_large:
            self._memory_then = self._memory_then or memory
            stop.hasten(now, grace=0.0 if memory > self._memory_then * LARGEST_GROWTH else MEMORY_GRACE)
        return stop
