"""Streams end when their server is told to stop, which would wait for them otherwise.

uvicorn answers what it has begun before it goes; the end of ASGI's lifespan, and of a worker, comes after that. So
the process's own signals have to be heard, before whoever else hears them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from brokerless.live.opened import end_streams

if TYPE_CHECKING:
    from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# For so long after a signal no stream begins: a server that goes on all the same has them again after it.
ENDING = 30.0  # seconds

_signalled_at = float("-inf")


def is_ending() -> bool:
    """Tell whether the process was told to stop just now."""
    return time.monotonic() - _signalled_at < ENDING


def heed_signals() -> None:
    """Have the streams end at the process's next SIGTERM or SIGINT; to be called in the streams' event loop.

    A loop beside the main thread is no server's that heeds signals, and they are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        handler = signal.getsignal(number)
        # None is one that Python cannot call; of a server's it is none of our affair.
        if handler in (None, signal.SIG_IGN) or (isinstance(handler, Ending) and handler.loop is loop):
            continue
        previous = handler.previous if isinstance(handler, Ending) else handler
        signal.signal(number, Ending(loop, previous))


class Ending:
    """A signal's handler that has the streams of a loop end, and leaves the rest to the one before it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, previous: signal._HANDLER) -> None:
        self.loop = loop
        self.previous = previous
        self._pid = os.getpid()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        global _signalled_at
        if self._pid == os.getpid():  # and not a fork that has kept it
            _signalled_at = time.monotonic()
            with suppress(RuntimeError):  # the loop is closed
                # Not here, where the thread that is interrupted may hold a lock.
                self.loop.call_soon_threadsafe(end_streams)
        if callable(self.previous):
            self.previous(number, frame)
        else:
            signal.signal(number, self.previous)
            signal.raise_signal(number)
