"""The streams of this process that are open: none outlives its time, nobody has too many, and all can be ended.

From the view of its request on, a stream holds a thread: asgiref gives one to each request, until its response has
ended. It sleeps and costs little, but a thousand of them are a thousand: hence the limit.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from brokerless.live.cutting import cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brokerless.live.subscription import Subscription

PER_USER = 300  # far more than anybody's tabs and programs
GRACE = 1.0  # seconds; within a moment a stream ends by itself, unless its client does not read

_lock = threading.Lock()
# Of each user, the oldest first.
_opened: dict[Any, dict[Opened, None]] = {}


def end_streams() -> None:
    """Have all streams of this process end, from any thread."""
    with _lock:
        everything = [opened for of_one in _opened.values() for opened in of_one]
    for opened in everything:
        opened.end()


class Opened:
    """An open stream; to be made in the task that sends it to its client."""

    def __init__(
        self, subscription: Subscription, *, user_id: Any, scope: Mapping[str, Any], lifetime: float
    ) -> None:
        """Note it as open, and end the user's oldest, if there are too many. lifetime: in seconds."""
        self._subscription = subscription
        self._user_id = user_id
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._limit = self._loop.call_later(lifetime + GRACE, self._break_off)
        with _lock:
            own = _opened.setdefault(user_id, {})
            own[self] = None
            surplus = list(own)[: max(0, len(own) - PER_USER)]
        for opened in surplus:
            opened.end()

    def close(self) -> None:
        """Forget it, as the response has ended; from any thread."""
        with _lock:
            own = _opened.get(self._user_id, {})
            own.pop(self, None)
            if not own:
                _opened.pop(self._user_id, None)
        # The limit would keep all of the request for minutes.
        self._task = None
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._limit.cancel)

    def end(self) -> None:
        """Have the stream end at once, and break it off if its client does not read; from any thread."""
        self._subscription.tell(is_end=True)
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._loop.call_later, GRACE, self._break_off)

    def _break_off(self) -> None:
        """End the response wherever it is: most likely it waits for its client to read."""
        task = self._task
        # A server that loses the connection ends its response. One that keeps it has to be left waiting alone.
        if task is not None and not cut(self._scope):
            task.cancel()
