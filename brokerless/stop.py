"""Ending a command: SIGTERM while a grace lasts, then SIGKILL."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brokerless.processes import signal_descendants

if TYPE_CHECKING:
    from brokerless.outcome import Outcome

# Between two signals to a command that is to stop: it may be in a place where the first one was of no use.
SIGNAL_INTERVAL = 1.0  # seconds


@dataclass
class Stop:
    """The command is being ended: with what outcome, and since when."""

    outcome: Outcome | None
    grace: float
    began: float
    next_signal: float = 0.0

    def act(self, now: float, *, reference: str) -> None:
        """Signal every process of the task once a second: SIGTERM while the grace lasts, then SIGKILL."""
        if now < self.next_signal:
            return
        grace_ends = self.began + self.grace
        number = signal.SIGTERM if now < grace_ends else signal.SIGKILL
        signal_descendants(number, reference=reference)
        self.next_signal = now + SIGNAL_INTERVAL
        if now < grace_ends:
            self.next_signal = min(self.next_signal, grace_ends)

    def hasten(self, now: float, *, grace: float) -> None:
        """Have the grace last no longer than that from now on."""
        if now + grace < self.began + self.grace:
            self.grace = now + grace - self.began
            self.next_signal = min(self.next_signal, now + grace)
