"""The monitor's rounds for the others: a thread of its own, so that the lease never waits for them."""

from __future__ import annotations

import logging
import threading

from django.db import connections

from brokerless.failure_mails import send_failure_mails
from brokerless.tick import tick

logger = logging.getLogger("brokerless")

INTERVAL = 10.0  # seconds between two rounds
# How long to wait at the end for a round that is under way: a claim without a process costs START_TIMEOUT.
LONGEST_ROUND = 10.0  # seconds


class Housekeeping(threading.Thread):
    """Does a round every ten seconds, and when it is asked to, until `stop()`."""

    def __init__(self) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._wake = threading.Event()
        self._stopping = False

    def round_soon(self) -> None:
        """Ask for a round now: the command has launched a task."""
        self._wake.set()

    def cease(self) -> None:
        """Begin no further round."""
        self._stopping = True
        self._wake.set()

    def stop(self) -> None:
        """End the thread, and wait for the round that is under way."""
        self.cease()
        self.join(LONGEST_ROUND)

    def run(self) -> None:
        while not self._wait():
            try:
                tick()
                send_failure_mails(within=0)  # a mail takes its time, and the next round must not wait for it
            except Exception as error:
                logger.warning("A round of housekeeping failed and is tried again: %s", error)
            finally:
                connections.close_all()

    def _wait(self) -> bool:
        self._wake.wait(INTERVAL)
        self._wake.clear()
        return self._stopping
