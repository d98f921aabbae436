"""Launching in several processes at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.eventually import eventually

if TYPE_CHECKING:
    from tests.real_processes import RealProcesses

PREPARE = """
import os, pathlib, django
django.setup()
from brokerless import launch
from tests.probes.words import await_word, say
words = pathlib.Path({words!r})
say(words, f"ready-{{os.getpid()}}")
await_word(words, "launch")
"""


def launch_elsewhere_at_once(processes: RealProcesses, count: int, code: str, **environment: str) -> list[str]:
    """Run code in so many processes, which begin it together, and return what each of them printed.

    It finds `launch`, and the directory of words as `words`; each process is gone when this returns.
    """
    prepare = PREPARE.format(words=str(processes.words))
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(processes.run_python, prepare + code, **environment) for _ in range(count)]

        def are_ready() -> bool:
            for one in running:
                if one.done():
                    one.result()  # fails at once, rather than at the deadline
            return len(list(processes.words.glob("ready-*"))) == count

        eventually(are_ready, within=40)
        processes.say("launch")
        return [one.result() for one in running]
