"""Commands that take much: time, memory, or the processor."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import threading
import time

from brokerless import current_task
from tests.probes.words import await_word, say

PIECE = 10_000_000  # bytes
PAGE = mmap.PAGESIZE


def sleep_long(directory):
    """Sleep, and clean up when that is ended."""
    say(directory, "started")
    try:
        time.sleep(600)
    finally:
        say(directory, "cleaned")


def stop_and_ignore_term(directory):
    """Stand still as under a terminal's Ctrl-Z, and do not care when woken."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(directory, "started")
    os.kill(os.getpid(), signal.SIGSTOP)
    await_word(directory)


def take_memory(directory, size, pause=0):
    """Take memory piece by piece, with a pause after each, and go on at the word."""
    say(directory, "started")
    try:
        taken = []
        while len(taken) * PIECE < int(size):
            taken.append(_touched(PIECE))
            time.sleep(float(pause))
        say(directory, "taken")
        await_word(directory)
    finally:
        say(directory, "cleaned")


def take_memory_in_a_child(directory, size):
    """Be small, and have a child in a session of its own take the memory."""
    code = f"import time; taken = b'x' * {size}; print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as child:
        child.stdout.readline()
        say(directory, "started")
        await_word(directory)
        child.kill()


def share_memory(directory, size, workers):
    """Take memory once, and share it with forks that only read it."""
    taken = _touched(int(size))
    forks = []
    for _ in range(int(workers)):
        pid = os.fork()
        if pid == 0:
            _read_all(taken)
            threading.Event().wait()
        forks.append(pid)
    _read_all(taken)
    say(directory, "started")
    await_word(directory)
    for pid in forks:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def unshare_memory(directory, size, workers):
    """Take memory once, and have each of several forks write to all of its copy."""
    taken = bytearray(_touched(int(size)))
    say(directory, "started")
    for _ in range(int(workers)):
        if os.fork() == 0:
            for place in range(0, len(taken), PAGE):
                taken[place] = 1
            threading.Event().wait()
    await_word(directory)


def burn(directory, seconds, where="itself"):
    """Use the processor for so many seconds: itself, in a child that is waited for, or in an orphan."""
    if where == "itself":
        _burn(float(seconds))
        return
    pid = os.fork()
    if pid == 0:
        if where == "child" or os.fork() == 0:
            _burn(float(seconds))
            say(directory, "burnt")
        os._exit(0)
    os.waitpid(pid, 0)
    await_word(directory, "burnt")


def burn_until_word(directory):
    say(directory, "started")
    while not (directory / "go").exists():
        _burn(0.1)


def niceness(_directory):
    """Report how nice the command is, what it starts, and its monitor."""
    code = "import os; print(os.nice(0))"
    started = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    current_task().result = {
        "command": os.nice(0),
        "program": int(started.stdout),
        "monitor": os.getpriority(os.PRIO_PROCESS, os.getppid()),
    }


def _touched(size):
    return b"x" * size


def _read_all(taken):
    return sum(taken[place] for place in range(0, len(taken), PAGE))


def _burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
