"""Commands that tell their user something."""

from __future__ import annotations

import os
import signal

from brokerless import current_task
from tests.probes.words import await_word, say


def tell(_directory, *texts):
    for text in texts:
        current_task().notify(text)


def tell_and_wait(directory, *texts):
    tell(directory, *texts)
    say(directory, "told")
    await_word(directory)
    tell(directory, "afterwards")


def tell_and_end(directory, way):
    tell(directory, "the last word")
    {
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "exit": lambda: os._exit(3),
        "raise": lambda: (_ for _ in ()).throw(ValueError("raised")),
        "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    }[way]()


def tell_much(directory, count):
    task = current_task()
    for number in range(int(count)):
        task.notify(f"{number} " + "x" * 180)
    say(directory, "told")
    await_word(directory)


def tell_and_fail_before_attempt(_directory, number):
    attempt = current_task().state.attempt
    current_task().notify(f"attempt {attempt}")
    if attempt < int(number):
        raise ValueError(f"attempt {attempt}")


def tell_odd_words(_directory):
    current_task().notify("one\0two \ud800")
