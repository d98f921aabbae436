"""What the commands of a run do: end well, badly or not at all, and leave things behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from brokerless import FinalError, current_task
from brokerless.processes import identify
from tests.chaos.ledger import run_directory

if TYPE_CHECKING:
    from tests.chaos.ledger import Ledger

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
WHOLE = "all of it\n"  # how a file ends that was written to its end
CHUNKS = 5


class Call(NamedTuple):
    """What a behaviour is called with."""

    ledger: Ledger
    number: int
    seconds: float

    def note(self, what: str, **values: object) -> None:
        """Note what this attempt does."""
        task = current_task()
        self.ledger.note(what, task=str(task.id), lease=task.lease, number=self.number, **values)


def succeed(call: Call) -> None:
    time.sleep(call.seconds / 2)
    have_effect(call)
    time.sleep(call.seconds / 2)


join = succeed


def have_effect(call: Call) -> None:
    """Do what must happen once: it cannot be taken back, and a process whose task it no longer is must not."""
    current_task().renew_lease()
    call.note("effect")


def write_file(call: Call) -> None:
    """Write a file as an export does: under a temporary name, then into place."""
    final = run_directory() / "files" / f"{call.number}-{current_task().lease}.txt"
    partial = final.with_suffix(".partial")
    call.note("temporary", path=str(partial))
    current_task().note_temporary(partial)
    with partial.open("w") as file:
        for _ in range(CHUNKS):
            file.write("a part of it\n")
            file.flush()
            time.sleep(call.seconds / CHUNKS)
        file.write(WHOLE)
    current_task().renew_lease()
    partial.replace(final)
    call.note("effect")


def ignore_term(call: Call) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    succeed(call)


def leave_session(call: Call) -> None:
    """Leave a process behind that is in a session of its own."""
    child = subprocess.Popen(SLEEP, start_new_session=True)
    call.note("descendant", pid=child.pid, start=identify(child.pid).start)
    succeed(call)


def leave_daemon(call: Call) -> None:
    """Leave a fork of a fork behind, which keeps the output open."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            call.note("descendant", pid=os.getpid(), start=identify(os.getpid()).start)
            threading.Event().wait()
        os._exit(0)
    os.waitpid(child, 0)
    succeed(call)


def read_row(call: Call) -> None:
    """Use the database, which may be away."""
    current_task().state.is_active  # noqa: B018 - the query is what matters
    succeed(call)


def fail(call: Call) -> None:
    time.sleep(call.seconds)
    raise ValueError("as it was to be")


def fail_once(call: Call) -> None:
    mark = run_directory() / "files" / f"{call.number}.failed"
    if not mark.exists():
        mark.touch()
        raise ValueError("at the first attempt only")
    succeed(call)


def fail_finally(_call: Call) -> None:
    raise FinalError("No other attempt would help.")


def os_exit(call: Call) -> None:
    time.sleep(call.seconds)
    os._exit(3)


def segfault(call: Call) -> None:
    time.sleep(call.seconds)
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    ctypes.string_at(0)


def overrun(call: Call) -> None:
    time.sleep(call.seconds)


def overrun_deaf(call: Call) -> None:
    """Overrun the time limit, and hear no SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deadline = time.monotonic() + call.seconds
    while time.monotonic() < deadline:
        with suppress(Exception):
            time.sleep(0.1)
