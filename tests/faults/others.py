"""Other processes that launch, look and cancel: to be killed or stopped in mid-work, or to be another host."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil

from tests.eventually import eventually

if TYPE_CHECKING:
    from tests.real_processes import RealProcesses

ELSEWHERE = "elsewhere/another-boot/1"
# Run before Django is set up, while nobody has asked yet which host this is.
ON_HOST = "from brokerless import processes\nprocesses.host_name = lambda: {host!r}\n"
SET_UP = "import django, os, signal\ndjango.setup()\n"
LAUNCH = "from brokerless import launch\nprint(launch('probe', arguments={arguments!r}, options={options!r}).pk)\n"
WAIT = "import sys\nsys.stdout.flush()\nsys.stdin.read()\n"
KILL_ITSELF = "os.kill(os.getpid(), signal.SIGKILL)"
STOP_ITSELF = "os.kill(os.getpid(), signal.SIGSTOP)"
# What a launching process does once, put before its launch.
BEFORE_THE_SPAWN = """
from brokerless.launchers import subprocess as module
spawn, acts = module.spawn, [lambda: {act}]
module.spawn = lambda *words, **keywords: (acts and acts.pop()()) or spawn(*words, **keywords)
"""
AFTER_THE_SPAWN = """
from brokerless import transitions
note_process, acts = transitions.note_process, [lambda: {act}]
transitions.note_process = lambda *words: (acts and acts.pop()()) or note_process(*words)
"""
# So that its processes die with the first of them, and see no others.
CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


class Others:
    """The other processes of a test; `end()` leaves none."""

    def __init__(self, processes: RealProcesses) -> None:
        self._processes = processes
        self._started: list[subprocess.Popen[str]] = []

    def launch(self, action: str, *, first: str = "", **keywords: Any) -> subprocess.Popen[str]:
        """Launch a probe from a process that stays until it is ended.

        first: the code before, as `BEFORE_THE_SPAWN`. Others: as of `start()`.
        """
        options = {"directory": str(self._processes.words)}
        return self.start(first + LAUNCH.format(arguments=[action], options=options) + WAIT, **keywords)

    def start(self, code: str, *, host: str = "", prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a process that runs code with Django set up; on which host it believes to be, if not here."""
        whole = (ON_HOST.format(host=host) if host else "") + SET_UP + code
        pipe = subprocess.PIPE
        words = [*prefix, sys.executable, "-c", whole]
        child = subprocess.Popen(words, env=os.environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._started.append(child)
        return child

    def run(self, code: str, **keywords: Any) -> str:
        """Do as `start()` does, wait for its end, and return what it printed."""
        child = self.start(code, **keywords)
        output, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
        return output

    def end(self) -> None:
        for child in self._started:
            child.kill()
            child.communicate()


def await_stop(child: subprocess.Popen[str]) -> None:
    """Wait until a process has stopped itself."""
    process = psutil.Process(child.pid)
    eventually(lambda: process.status() == psutil.STATUS_STOPPED, why="the process is stopped")
