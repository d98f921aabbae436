"""Processes below another one and what they use, read so cheaply that a monitor can do it all the time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

READ_SIZE = 65_536
KIBIBYTE = 1024  # what /proc calls kB


class Figures(NamedTuple):
    """What a process uses: resident memory in bytes, and CPU seconds with those of the children it waited for."""

    pid: int
    memory: int
    cpu_seconds: float


def figures_below(pid: int, *, is_spared: Callable[[int], bool]) -> list[Figures]:
    """Return what every descendant uses but the children that are spared and those below them.

    One that comes, goes or moves meanwhile may be missing.
    """
    if not can_list_children():
        return _figures_below_elsewhere(pid, is_spared)
    found: dict[int, Figures] = {}
    waiting = [child for child in _children(pid) if not is_spared(child)]
    while waiting:
        # One that moved up meanwhile is met twice.
        if (child := waiting.pop()) not in found and (figures := _figures(child)):
            found[child] = figures
            waiting += _children(child)
    return list(found.values())


def pids_below(pid: int, *, is_spared: Callable[[int], bool]) -> list[int]:
    """Return the pids of all descendants but the children that are spared and those below them; zombies too.

    Parents first, and quickly: what forks and moves on all the time is to be caught by a signal, too.
    """
    if not can_list_children():
        from brokerless.processes import descendants

        return [process.pid for process in descendants(pid, is_spared=lambda child: is_spared(child.pid))]
    found: dict[int, None] = {}
    waiting = [child for child in _children(pid) if not is_spared(child)]
    while waiting:
        if (child := waiting.pop(0)) not in found:
            found[child] = None
            waiting += _children(child)
    return list(found)


def unshared_memory(pid: int) -> int | None:
    """Return a process's resident memory with a fair share of what others use, too (PSS); None if nobody says.

    Costs a look at each of its pages. One that has just ended has none.
    """
    try:
        lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    except ProcessLookupError:  # it ends just now: its resident memory was shared, and would count in full
        return 0
    except OSError:  # an old kernel, another user's, or it is gone
        return None if Path(f"/proc/{pid}").exists() else 0
    return next((int(line.split()[1]) * KIBIBYTE for line in lines if line.startswith(b"Pss:")), None)


def leads_session(pid: int) -> bool:
    """Tell whether a process, or a zombie, is the one that its session was made for."""
    with suppress(OSError, ValueError):
        return int(_stat_fields(pid)[3]) == pid
    return False


@cache
def can_list_children() -> bool:
    """Tell whether the kernel lists a process's children (CONFIG_PROC_CHILDREN), as nearly all do."""
    return sys.platform == "linux" and Path("/proc/thread-self/children").exists()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - a path's objects cost more than the call
            with suppress(OSError):  # it ended meanwhile; its children are another thread's by now
                found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def _figures(pid: int) -> Figures | None:
    try:
        fields = _stat_fields(pid)
    except OSError:  # it has ended; ESRCH while it is being read
        return None
    page, ticks = _units()
    return Figures(pid, int(fields[21]) * page, sum(map(int, fields[11:15])) / ticks)


def _stat_fields(pid: int) -> list[bytes]:
    """Return the fields of proc(5)'s stat from the third on; the name before may hold any byte."""
    text = _read(f"/proc/{pid}/stat")
    return text[text.rindex(b")") + 2 :].split()


@cache
def _units() -> tuple[int, int]:
    return os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        chunks = []
        # One read gives no more than a page of such a file.
        while chunk := os.read(descriptor, READ_SIZE):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def _figures_below_elsewhere(pid: int, is_spared: Callable[[int], bool]) -> list[Figures]:
    import psutil

    from brokerless.processes import descendants

    found = []
    for process in descendants(pid, is_spared=lambda child: is_spared(child.pid)):
        with suppress(psutil.Error):
            cpu = process.cpu_times()
            seconds = cpu.user + cpu.system + cpu.children_user + cpu.children_system
            found.append(Figures(process.pid, process.memory_info().rss, seconds))
    return found
