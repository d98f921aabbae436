"""Commands that fail at first, and end well, or at all, in a later attempt."""

from __future__ import annotations

import os
import sys

from brokerless import FinalError, current_task
from tests.probes.processes import start_session
from tests.probes.words import await_word, say


def fail_before_attempt(directory, number):
    attempt = begin(directory)
    task = current_task()
    if attempt < int(number):
        task.progress.start(total=10, unit="books", message=f"Attempt {attempt}")
        task.progress.update(7)
        task.result = {"attempt": attempt}
        if attempt == 1:
            sys.exit(7)
        raise ValueError(f"attempt {attempt}")
    task.result = {"attempt": attempt, "errors": [error["type"] for error in task.state.errors]}


def hang_before_attempt(directory, number):
    """Start a process in a session of its own, and go on until this one is killed; later attempts end well."""
    attempt = begin(directory)
    if attempt < int(number):
        start_session(directory)
    current_task().result = attempt


def raise_final(directory):
    begin(directory)
    raise FinalError("There will never be such a book.")


def fail_at_word_then_wait(directory):
    """Fail in the first attempt when the word comes; wait for another in the second."""
    attempt = begin(directory)
    await_word(directory, f"go-{attempt}")
    if attempt == 1:
        raise ValueError("raised at the word")


def begin(directory):
    attempt = current_task().state.attempt
    say(directory, f"attempt-{attempt}", os.getpid())
    return attempt
