"""The processes that this process has started and not yet forgotten: who collects their exit codes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brokerless.processes import Process
    from brokerless.spawn import ChildProcess

_children: dict[int, ChildProcess] = {}


def add(child: ChildProcess) -> None:
    _children[child.pid] = child


def wait(child: ChildProcess) -> None:
    """Block until a child has ended."""
    child.wait()


def forget(child: ChildProcess) -> None:
    _children.pop(child.pid, None)


def pids() -> list[int]:
    """Return the pids of the children that are remembered."""
    return list(_children)


def return_code(process: Process) -> int | None:
    """Return how a child of this process ended: an exit code, or a signal as a negative number.

    None when it is not a child of this process, has not ended, or the system threw its status away.
    """
    child = _children.get(process.pid)
    if child is None:
        return None
    code = child.poll()
    # Where SIGCHLD is ignored the kernel keeps no status, and subprocess makes a 0 of that.
    if code == 0 and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        return None
    return code
