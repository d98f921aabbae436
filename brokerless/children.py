"""The processes that this process has started and not yet forgotten: who collects their exit codes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from brokerless.spawn import ended_with

if TYPE_CHECKING:
    from brokerless.processes import Process
    from brokerless.spawn import ChildProcess

# Between a child's end and the moment at which the thread that waits for it has collected its status.
COLLECTING_TIME = 1.0  # seconds

_children: dict[int, ChildProcess] = {}


def add(child: ChildProcess) -> None:
    _children[child.pid] = child


def wait(child: ChildProcess) -> None:
    """Block until a child has ended."""
    child.wait()


def forget(child: ChildProcess) -> None:
    if _children.get(child.pid) is child:
        del _children[child.pid]


def pids() -> list[int]:
    """Return the pids of the children that are remembered."""
    return list(_children)


def return_code(process: Process) -> int | None:
    """Return how a child of this process ended: an exit code, or a signal as a negative number.

    None when it is not a child of this process, has not ended, or the system threw its status away.
    """
    child = _children.get(process.pid)
    if child is None or process.is_alive:
        return None
    # Not poll(): while the waiting thread is about to collect the status, that knows nothing of it.
    code = ended_with(child, within=COLLECTING_TIME)
    # Where SIGCHLD is ignored the kernel keeps no status, and subprocess makes a 0 of that.
    if code == 0 and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        return None
    return code
