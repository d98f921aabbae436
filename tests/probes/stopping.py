"""Commands that take being stopped in their own ways."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from brokerless import current_task
from brokerless.exceptions import TaskCancelled
from tests.probes.words import await_word, say


def ignore_term(directory):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(directory, "started")
    await_word(directory)


def finish_on_interrupt(directory):
    """Take Ctrl-C as the wish to end soon, and well."""
    say(directory, "started")
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        say(directory, "interrupted")
        await_word(directory)


def swallow_exceptions(directory):
    """Be the worker loop that survives whatever is an Exception."""
    say(directory, "started")
    while not (directory / "go").exists():
        with suppress(Exception):
            time.sleep(0.01)


def swallow_first_term(directory):
    """Survive the first SIGTERM only: what comes a second later is not caught."""
    say(directory, "started")
    with suppress(TaskCancelled):
        await_word(directory)
    say(directory, "survived")
    await_word(directory)


def clean_up_on_term(directory):
    try:
        say(directory, "started")
        await_word(directory)
    finally:
        say(directory, "cleaned")


def return_on_term(directory):
    with suppress(TaskCancelled):
        say(directory, "started")
        await_word(directory)
    current_task().result = "finished all the same"


def fail_on_term(directory):
    try:
        say(directory, "started")
        await_word(directory)
    except TaskCancelled:
        raise ValueError("failed while stopping") from None


def stop_itself(directory):
    """Stop, as a terminal's Ctrl-Z would."""
    say(directory, "started")
    os.kill(os.getpid(), signal.SIGSTOP)
    await_word(directory)


def leave_temporary_file(directory, name):
    path = Path(directory / name)
    current_task().note_temporary(path)
    path.write_text("half of an export")
    say(directory, "started")
    await_word(directory)


def print_for_ever(directory):
    say(directory, "started")
    while True:
        print("x" * 1000)
