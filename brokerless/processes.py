"""Processes as the operating system knows them: who is who, who lives, and the only place that sends signals."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from brokerless.process_tree import pids_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import psutil

# Names the task (id:lease) to the process that is started for it. No secret, and removed there at once.
TASK_VARIABLE = "BROKERLESS_TASK"
# Its value for a process that a monitor starts for all tasks and not for its own.
NO_TASK = "none"
# Held while a process is started and remembered: until then it looks like a part of the task that starts it.
spawning = threading.RLock()
DEAD_STATES = frozenset("ZXx")  # proc(5): a zombie has ended, only nobody has collected it yet
TICKS_PER_SECOND_ELSEWHERE = 100  # without /proc the start time is kept in hundredths of a second


@cache
def host_name() -> str:
    """Name this host so that a pid on it means one process: host name, boot and pid namespace.

    A reboot or another container, even one of the same host name, is another host.
    """
    boot = namespace = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    return f"{socket.gethostname()[:150]}/{boot}/{namespace}"


class Process(NamedTuple):
    """A process, told from a later one with the same pid by its start time in raw clock ticks."""

    pid: int
    start: int

    @property
    def is_alive(self) -> bool:
        """Tell whether this very process runs; a zombie does not."""
        found = _look_up(self.pid)
        return found is not None and found == (self.start, True)


def identify(pid: int) -> Process:
    """Return the process that has this pid now; its start is 0 if there is none any more."""
    found = _look_up(pid)
    return Process(pid, found[0] if found else 0)


def _look_up(pid: int) -> tuple[int, bool] | None:
    """Return the start in ticks, and whether it lives, of the process with this pid."""
    if sys.platform != "linux":
        return _look_up_elsewhere(pid)
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # the last: another user's, hidden
        return None
    # The name in parentheses may itself hold any byte but NUL: read from behind the last parenthesis.
    fields = text[text.rindex(b")") + 2 :].decode().split()
    return int(fields[19]), fields[0] not in DEAD_STATES


def _look_up_elsewhere(pid: int) -> tuple[int, bool] | None:
    import psutil

    try:
        process = psutil.Process(pid)
        alive = process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        return int(process.create_time() * TICKS_PER_SECOND_ELSEWHERE), alive
    except psutil.NoSuchProcess:
        return None


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal to this very process, never to a later one with its pid; tell whether it was there."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    except (AttributeError, OSError):  # not Linux, an old kernel, a sandbox without the call
        return process.is_alive and _kill(process.pid, number)
    try:
        # Looked at after it was opened: the handle cannot move to another process any more.
        if not process.is_alive:
            return False
        signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(handle)
    return True


def descendants(
    pid: int, *, is_spared: Callable[[psutil.Process], bool] = lambda _: False
) -> list[psutil.Process]:
    """Return all living descendants of a process but the children that are spared and those below them.

    Found by parentage, so those in sessions and process groups of their own are among them. Parents first.
    """
    import psutil  # some 15 ms of import: not on the way to the command's first line

    found: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children():
            with suppress(psutil.NoSuchProcess):  # it ended meanwhile; its brothers are still to be found
                if not is_spared(child):
                    found += [child, *child.children(recursive=True)]
    return found


def signal_descendants(number: signal.Signals, *, reference: str) -> int:
    """Signal every living descendant of this process that belongs to its task; return how many there were.

    reference: the task's `id:lease`. The monitors of other tasks may be below this one, which started them, or
    inherited them as a subreaper: they and theirs are spared. A stopped process is continued, so that it can
    act on the signal.
    """

    with spawning:
        below = pids_below(os.getpid(), is_spared=lambda pid: is_of_another_task(pid, reference))
        living = [pid for pid in below if identify(pid).is_alive]
        for pid in living:
            _kill(pid, number)
            if number is not signal.SIGKILL:
                _kill(pid, signal.SIGCONT)
    return len(living)


def is_of_another_task(pid: int, reference: str) -> bool:
    """Tell whether a process was started for another task than that of the reference."""
    return task_of(pid) not in ("", reference)


def task_of(pid: int) -> str:
    """Return the `id:lease` of the task that a process was started for; an empty text for none.

    The environment of a process is read as it was when it was executed.
    """
    if sys.platform != "linux":
        return _task_of_elsewhere(pid)
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == TASK_VARIABLE.encode():
                return value.decode(errors="replace")
    return ""


def _task_of_elsewhere(pid: int) -> str:
    import psutil

    with suppress(psutil.Error, OSError):
        return psutil.Process(pid).environ().get(TASK_VARIABLE, "")
    return ""


def kill_tree(process: Process, *, reference: str = "") -> None:
    """Kill this very process and every descendant of it.

    reference: the `id:lease` of its task, if it has one; what it has started for other tasks is spared then.
    """
    if not process.is_alive:
        return
    import psutil

    def belongs_to_another(child: psutil.Process) -> bool:
        return bool(reference) and is_of_another_task(child.pid, reference)

    below = descendants(process.pid, is_spared=belongs_to_another)
    send(process, signal.SIGKILL)
    for descendant in below:
        with suppress(psutil.Error):  # psutil compares the start time itself; gone already is fine
            descendant.kill()


def kill_marked(marks: Iterable[str]) -> int:
    """Kill every process with one of these `NAME=value` entries in its environment; return how many.

    Finds the descendants of a process that is gone itself, which parentage no longer does.
    """
    import psutil

    wanted = set(marks)
    killed = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            entries = {f"{name}={value}" for name, value in process.environ().items()}
            if wanted & entries and process.pid != os.getpid():
                process.kill()
                killed += 1
    return killed


def _kill(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_name(number: int) -> str:
    """Name a signal as its manual page does ("SIGKILL"); a real-time one by its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
