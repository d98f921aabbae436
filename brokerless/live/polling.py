"""A look at everything that is watched, four times a second: for databases that tell nobody of changes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from brokerless.live.changes import Dirty

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from uuid import UUID

INTERVAL = 0.25  # seconds


class Polling:
    """Says every so often that everything may have changed."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._next_look = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, seconds: float) -> Dirty:
        """Return everything once its time has come; nothing before, when that is later or somebody wakes."""
        pause = min(seconds, self._next_look - time.monotonic())
        if pause > 0 and self._bell.wait(pause):
            self._bell.clear()
            return Dirty()
        if time.monotonic() < self._next_look:
            return Dirty()
        self._next_look = time.monotonic() + INTERVAL
        return Dirty(is_everything=True)

    def wake(self) -> None:
        """End the wait, from any thread."""
        self._bell.set()

    def found(self, changed: AbstractSet[UUID]) -> None:
        """Learn nothing: nobody had told of it."""
