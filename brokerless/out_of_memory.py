"""Whether the kernel has killed for want of memory: it tells nobody, but it counts."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


def kills(*, proc: Path = PROC, cgroups: Path = CGROUPS) -> int | None:
    """Return how often the kernel has done so: in this process's control group, else on the machine.

    None where it does not say.
    """
    group = _own_group(proc)
    counted = None if group is None else _count(cgroups / group / "memory.events")
    return _count(proc / "vmstat") if counted is None else counted


def has_killed_since(before: int | None) -> bool:
    """Tell whether there are more kills than `kills()` returned before."""
    now = None if before is None else kills()
    return now is not None and now > before


def _own_group(proc: Path) -> str | None:
    """Return the path of this process's control group (cgroups(7), version 2) below the root of all."""
    for line in _read(proc / "self" / "cgroup").splitlines():
        if line.startswith("0::/"):
            return line.removeprefix("0::/")
    return None


def _count(path: Path) -> int | None:
    for line in _read(path).splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.isdecimal():
            return int(value)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""
