"""Commands that start processes and leave them behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from brokerless import launch
from tests.probes.words import await_word, say

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def start_session(directory, then="wait"):
    """Start a process in a session of its own, which no signal to a group reaches."""
    child = subprocess.Popen(SLEEP, start_new_session=True)
    say(directory, "grandchild", child.pid)
    _go_on(directory, then)


def fork_session(directory, then="wait"):
    """Fork into a session of its own, without an exec."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        threading.Event().wait()
    say(directory, "grandchild", pid)
    _go_on(directory, then)


def start_daemon(directory, then="return"):
    """Fork twice, so that the daemon's parent is gone; it keeps the output open."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            say(directory, "grandchild")
            threading.Event().wait()
        os._exit(0)
    os.wait()
    await_word(directory, "grandchild")
    _go_on(directory, then)


def start_bare_daemon(directory, then="wait"):
    """Execute a daemon that is nobody's child, in a session of its own, and has no environment to be known by."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            say(directory, "grandchild")
            os.execve(SLEEP[0], SLEEP, {})
        os._exit(0)
    os.wait()
    await_word(directory, "grandchild")
    _go_on(directory, then)


def start_ever_more(directory):
    """Start processes that start others in sessions of their own, and end themselves."""
    code = (
        "import os, time\n"
        "while True:\n"
        "    time.sleep(0.1)\n"
        "    if os.fork():\n"
        "        os._exit(0)\n"
        "    os.setsid()\n"
    )
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    _go_on(directory, "wait")


def deaf(directory, action):
    """Start what another probe starts, and hear no SIGTERM; what is started inherits that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    globals()[action](directory, "wait")


def launch_another(directory):
    """Launch a task from a task, and end before it does."""
    task = launch("probe", arguments=["return_at_word"], options={"directory": str(directory / "other")})
    say(directory, "launched", task.pk)


def launch_another_and_stay(directory):
    """Launch a task from a task, and go on until the word comes."""
    launch_another(directory)
    _go_on(directory, "wait")


def launch_five(directory):
    """Launch several tasks from a task, and end at once."""
    tasks = [launch("probe", arguments=["succeed"]) for _ in range(5)]
    say(directory, "launched", " ".join(str(task.pk) for task in tasks))


def launch_another_and_wait(directory):
    task = launch("probe", arguments=["succeed"])
    say(directory, "launched", task.pk)
    task.wait(timeout=20)


def launch_from_a_process(directory):
    """Launch a task from a process that the command has started."""
    other = directory / "other"
    code = (
        "import django; django.setup()\n"
        "from brokerless import launch\n"
        f"task = launch('probe', arguments=['return_at_word'], options={{'directory': {str(other)!r}}})\n"
        "print(task.pk)"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    say(directory, "launched", found.stdout.strip())


def _go_on(directory, then):
    say(directory, "started")
    if then == "wait":
        await_word(directory)
