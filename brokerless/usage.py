"""What a task's processes use: memory as of now and at most, CPU time in all."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from brokerless.process_tree import figures_below, leads_session, unshared_memory
from brokerless.processes import is_of_another_task, spawning

if TYPE_CHECKING:
    import resource
    from collections.abc import Sequence

    from brokerless.process_tree import Figures

# Between two looks: often enough for a peak to be seen; more often where a limit is to be kept.
INTERVAL = 1.0  # seconds
LIMITED_INTERVAL = 0.25  # seconds
SPAWNING_PAUSE = 0.05  # seconds; a start takes some milliseconds
# Looks take no more than this share of one processor's time, however many processes there are, and however large;
LOOKING_SHARE = 0.01
# a bit more while all that may keep the task within its limit are the pages that its processes share.
URGENT_SHARE = 0.03
# getrusage(2): in kB; on macOS in bytes.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage:
    """Looks at the processes of one attempt, and collects those that have ended with what they used.

    memory: bytes, as of the last look; pages that several processes share count once.
    """

    def __init__(self, command_pid: int, *, reference: str, memory_limit: int | None = None) -> None:
        self.memory = 0
        self.next_look = time.monotonic() + LIMITED_INTERVAL
        self._command_pid = command_pid
        self._reference = reference
        self._limit = memory_limit
        self._interval = INTERVAL if memory_limit is None else LIMITED_INTERVAL
        self._peak = 0
        self._cpu_seconds = 0.0
        self._collected_cpu_seconds = 0.0
        self._own: set[int] = {command_pid}
        self._next_weighing = (0.0, 0.0)  # usually, and when it is urgent

    def read(self) -> dict[str, Any]:
        """Return the row's fields of what is known by now; empty before anything is."""
        if not self._peak:
            return {}
        return {"cpu_seconds": round(self._cpu_seconds, 3), "peak_memory": self._peak}

    def look(self) -> None:
        """Look at all living processes of the task; a little later if another task is just being started."""
        now, began = time.monotonic(), time.thread_time()
        self.next_look = now + SPAWNING_PAUSE
        # Not waited for: on a file system that hangs, a start may take long. Until then it looks like an own one.
        if not spawning.acquire(blocking=False):
            return
        try:
            members = figures_below(os.getpid(), is_spared=self._is_spared)
        finally:
            spawning.release()
        took = time.thread_time() - began
        self.next_look = now + max(self._interval, took / LOOKING_SHARE)
        self._own = {self._command_pid, *(member.pid for member in members)}
        self._note_cpu(sum(member.cpu_seconds for member in members))
        self._note_memory(members, now)

    def collect(self, pid: int) -> int | None:
        """Collect a child that has ended and count what it used; return its wait status, or None if it lives."""
        # Another task's monitor, which this one inherited: its session was made for it. It is known as the
        # task's own, or not, as long as it lives.
        is_own = pid in self._own or not leads_session(pid)
        found, status, used = os.wait4(pid, os.WNOHANG)
        if not found:
            return None
        if is_own:
            self._count(used)
        return status

    def _count(self, used: resource.struct_rusage) -> None:
        self._collected_cpu_seconds += used.ru_utime + used.ru_stime
        self._note_cpu(0.0)
        self._peak = max(self._peak, used.ru_maxrss * MAXRSS_UNIT)

    def _is_spared(self, child: int) -> bool:
        return child != self._command_pid and is_of_another_task(child, self._reference)

    def _note_cpu(self, of_the_living: float) -> None:
        # It never shrinks, though what a process that ignores SIGCHLD started is counted by nobody once it ended.
        self._cpu_seconds = max(self._cpu_seconds, self._collected_cpu_seconds + of_the_living)

    def _note_memory(self, members: Sequence[Figures], now: float) -> None:
        """Note how much memory they use together.

        The sum of several counts the pages that forks share once for each: it only says what cannot be exceeded.
        """
        unweighed = sum(member.memory for member in members)
        if len(members) < 2:
            self._peak = max(self._peak, unweighed)
            self.memory = unweighed
        elif unweighed <= (self._peak if self._limit is None else min(self._peak, self._limit)):
            self.memory = unweighed  # no news, exact or not
        else:
            self._weigh(members, unweighed, now)

    def _weigh(self, members: Sequence[Figures], unweighed: int, now: float) -> None:
        """Measure the memory of several processes exactly, unless that was done a moment ago."""
        is_urgent = self._limit is not None and unweighed > self._limit
        if now < self._next_weighing[is_urgent]:
            return
        began = time.thread_time()
        self.memory = sum(
            member.memory if (found := unshared_memory(member.pid)) is None else found for member in members
        )
        took = time.thread_time() - began
        self._next_weighing = (now + took / LOOKING_SHARE, now + took / URGENT_SHARE)
        self._peak = max(self._peak, self.memory)
