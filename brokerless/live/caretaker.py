"""Brings watched tasks to the truth, as a poll does, in a thread where a slow listener holds no page up."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from django.db import connections

from brokerless.tick import look_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brokerless.models import TaskState

logger = logging.getLogger("brokerless")


class Caretaker:
    """Looks after tasks, one round at a time."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def look_after(self, tasks: Sequence[TaskState]) -> None:
        """Look after these tasks, and return at once."""
        # A thread per round costs less than 0.1 ms, and leaves no connection: most rounds make no query.
        self._thread = threading.Thread(target=_round, args=[tasks], name="brokerless-caretaker", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for the end of the round that is under way."""
        if self._thread is not None:
            self._thread.join(seconds)


def _round(tasks: Sequence[TaskState]) -> None:
    try:
        for task in tasks:
            try:
                look_after(task)
            except Exception as error:
                # The next round, or the next poll, comes soon.
                logger.warning("task=%s could not be looked after: %s", task.pk, error)
    finally:
        connections.close_all()
