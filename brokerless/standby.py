"""Waiting for the next task that has its time, in one process per host, when nothing else is about to start it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db.models.functions import Now

from brokerless.models import TaskState
from brokerless.processes import host_name
from brokerless.runtime_dir import open_lock
from brokerless.tick import tick

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is due later than this needs a tick: a process that only waits is not to stay for long.
LONGEST_STAY = 60.0  # seconds
# Between two looks: a task that is due earlier may have come, or the awaited one may have been cancelled.
LONGEST_PAUSE = 1.0  # seconds


def stand_by() -> None:
    """Start the tasks that become due within a minute, and return when there is none.

    For a monitor that has ended its task: it would otherwise take a poll or a tick to begin another attempt.
    Returns soon if another process of this host does the same.
    """
    with _only_one_of_this_host() as is_alone:
        while is_alone and (pause := _until_next_is_due()) is not None:
            time.sleep(min(pause, LONGEST_PAUSE))
            if pause <= LONGEST_PAUSE:
                tick()


def _until_next_is_due() -> float | None:
    """Return the seconds until the next waiting task has its time; None if that is not soon.

    Those that have it already wait for a place, and whoever leaves one starts them.
    """
    # By the database's clock, which decides about what is due.
    waiting = TaskState.objects.ready().filter(run_after__gt=Now()).annotate(now=Now())
    found = waiting.order_by("run_after").values_list("run_after", "now").first()
    if found is None:
        return None
    run_after, now = found
    pause = (run_after - now).total_seconds()
    return pause if pause <= LONGEST_STAY else None


@contextmanager
def _only_one_of_this_host() -> Iterator[bool]:
    """Say whether this process is the one; the kernel's lock ends with it, however it ends."""
    descriptor = open_lock(lock_name())
    try:
        is_alone = _lock(descriptor)
        if not is_alone:
            # It may just be leaving, having looked before there was anything; whoever stays looks this often.
            time.sleep(LONGEST_PAUSE)
            is_alone = _lock(descriptor)
        yield is_alone
    finally:
        os.close(descriptor)


def lock_name() -> str:
    """Return the name of the host's lock: several hosts, such as containers, may share the directory."""
    return f"standby-{hashlib.sha256(host_name().encode()).hexdigest()[:16]}.lock"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
