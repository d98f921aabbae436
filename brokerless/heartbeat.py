"""The heartbeat: a thread of the monitor that alone talks to the database while the command runs."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from django.db import Error, connections

from brokerless import transitions
from brokerless.patience import bounded_statements
from brokerless.transitions import Beat

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

logger = logging.getLogger("brokerless")

INTERVAL = 1.0  # seconds
# The first beat comes a little earlier, or a page would see nothing of what takes a second in all.
FIRST_INTERVAL = 0.5  # seconds
# A beat that failed is tried again sooner: other hosts are waiting for one, and perhaps the command.
RETRY_INTERVAL = 0.2  # seconds
# How long to wait for the beat that is under way at the end. One that never returns, on a connection that
# was cut without a word, must not hold the final status up; a late one changes no finished row.
LONGEST_BEAT = 10.0  # seconds


class Heartbeat(threading.Thread):
    """Renews the lease and stores what `measure` returns once a second, until `stop()`.

    A failed beat is tried again at the next and never hurts the command. `on_news` is called, in this thread,
    when the row is no longer this monitor's, when it is to be cancelled, and after every asked-for renewal.
    `on_stored`, in this thread too, with what was measured, once it is in the row.
    """

    def __init__(
        self,
        task_id: UUID,
        lease: int,
        *,
        measure: Callable[[], dict[str, Any]],
        on_news: Callable[[], None],
        on_stored: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.latest = Beat(owned=True, cancel_requested=False)
        self.renewals_done = 0
        self._task_id = task_id
        self._lease = lease
        self._measure = measure
        self._on_news = on_news
        self._on_stored = on_stored
        self._renewals_asked = 0
        self._wake = threading.Event()
        self._stopping = False
        self._interval = FIRST_INTERVAL

    def renew(self) -> None:
        """Ask for a beat now; `renewals_done` grows when one that began later has succeeded."""
        self._renewals_asked += 1
        self._wake.set()

    def look_now(self) -> None:
        """Ask for a beat now."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread, and wait for a beat that is under way."""
        self._stopping = True
        self._wake.set()
        self.join(LONGEST_BEAT)

    def run(self) -> None:
        try:
            while not self._wait():
                self._try_to_beat()
        finally:
            connections.close_all()

    def _try_to_beat(self) -> None:
        """Beat; whatever goes wrong, the next one is tried again, on a new connection."""
        try:
            self._beat()
        except Exception as error:
            is_unforeseen = not isinstance(error, Error)
            logger.warning(
                "task=%s heartbeat failed and is tried again: %s", self._task_id, error, exc_info=is_unforeseen
            )
            connections.close_all()
            self._interval = RETRY_INTERVAL

    def _wait(self) -> bool:
        waited_for = self._renewals_asked > self.renewals_done
        self._wake.wait(RETRY_INTERVAL if waited_for else self._interval)
        self._interval = INTERVAL
        self._wake.clear()
        return self._stopping

    def _beat(self) -> None:
        asked = self._renewals_asked
        measured = self._measure()
        with bounded_statements():
            found = transitions.beat(self._task_id, self._lease, measured)
        if found.owned:
            self._on_stored(measured)
        if found != self.latest or asked > self.renewals_done:
            self.latest, self.renewals_done = found, asked
            self._on_news()
