"""Collecting children that have ended, the command process and orphans, so that none stays a zombie."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from brokerless import children
from brokerless.processes import signal_descendants, spawning

if TYPE_CHECKING:
    from collections.abc import Callable

# Between two looks for orphans of a monitor that only waits.
PAUSE = 1.0  # seconds


def collect_orphans(collect: Callable[[int], object], *, spared: int | None = None) -> None:
    """Call `collect(pid)` for every child that ended but one to spare and those that somebody here waits for."""
    with spawning:  # or a child that ends at once could be taken for an orphan before it is remembered
        while True:
            # First who is remembered: one that is forgotten meanwhile has been collected, too.
            known = children.pids()
            orphan = _ended_child()
            if orphan in (None, spared, *known):
                return
            collect(orphan)


def collect_orphans_from_now_on() -> None:
    """Collect orphans in a thread until this process ends; it must not have any other use for them."""

    def go_on() -> None:
        while True:
            collect_orphans(lambda orphan: os.waitpid(orphan, 0))
            time.sleep(PAUSE)

    threading.Thread(target=go_on, name="collection", daemon=True).start()


def kill_what_is_left(reference: str) -> bool:
    """Kill every descendant that belongs to the task; tell whether there was one."""
    return _has_children() and signal_descendants(signal.SIGKILL, reference=reference) > 0


def _has_children() -> bool:
    """Tell whether there is any child; without waitid(2), which macOS has from Python 3.13 on, there may be."""
    try:
        _ended_child_or_error()
    except ChildProcessError:
        return False
    return True


def _ended_child() -> int | None:
    """Return the pid of a child that has ended and is not collected yet; None if there is none."""
    try:
        return _ended_child_or_error()
    except ChildProcessError:
        return None


def _ended_child_or_error() -> int | None:
    if not hasattr(os, "waitid"):
        return None
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return ended.si_pid if ended else None
