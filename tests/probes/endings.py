"""Ways in which a command may end."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import sys
import threading

from django.core.management import CommandError

from brokerless import current_task, track
from tests.probes.words import await_word, say


def succeed(_directory):
    current_task().result = {"answer": 42, "download": "/somewhere/"}


def return_at_word(directory):
    say(directory, "started")
    await_word(directory)


def say_that_it_returns(directory):
    """Return at the word, and say so last."""
    return_at_word(directory)
    say(directory, "returned")


def greet_at_word(directory, name):
    return_at_word(directory)
    print("Hello", name)


def raise_at_word(directory):
    return_at_word(directory)
    raise ValueError("raised at the word")


def os_exit(_directory, code):
    os._exit(int(code))


def sys_exit(_directory, code):
    current_task().result = "made before the exit"
    sys.exit(int(code))


def sys_exit_with_text(_directory, text):
    sys.exit(text)


def raise_command_error(_directory):
    raise CommandError("The shelf is empty.", returncode=4)


def raise_value_error(_directory):
    current_task().result = {"made": 1}
    raise ValueError("The shelf\0 is \udce9mpty.")


def kill_itself(_directory, number):
    os.kill(os.getpid(), int(number))
    threading.Event().wait()


def segfault(_directory):
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    ctypes.string_at(0)


def fail_in_tracking(_directory):
    for number in track(range(7), unit="books", message="Reading"):
        if number == 3:
            raise ValueError("the fourth")


def result_that_is_no_json(_directory):
    current_task().result = {"value": object()}


def result_with_nul(_directory):
    current_task().result = "a\0b"


def large_result(_directory, size):
    current_task().result = "x" * int(size)


def large_error(_directory, size):
    raise ValueError("y" * int(size))


def exit_after_returning(_directory, code):
    atexit.register(os._exit, int(code))


def close_output(_directory):
    sys.stdout.write("never read")
    os.close(1)
    os.close(2)


def close_everything(_directory):
    os.closerange(0, 1000)


def fork_runs_on(_directory):
    """Let a fork leave the command as if it had ended well, and end badly itself."""
    pid = os.fork()
    if pid == 0:
        sys.exit(0)
    os.waitpid(pid, 0)
    os._exit(5)


def fork_fails_alone(_directory):
    """Let a fork leave the command by an error, and return normally itself."""
    pid = os.fork()
    if pid == 0:
        raise ValueError("only in the fork")
    os.waitpid(pid, 0)
    current_task().result = "of the command itself"
