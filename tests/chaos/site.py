"""The processes of a site beside its tasks: started, and started again whenever one was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from brokerless.processes import Process, identify
from tests.chaos.plan import HOSTS

ROOT = Path(__file__).parents[2]
ENDING_TIME = 10  # seconds


@dataclass
class Actor:
    """A process that is to be there all the time: its role, which one of how many of these, and on which host."""

    role: str
    number: int
    of: int
    host: str
    child: subprocess.Popen[bytes] | None = None
    process: Process | None = None


class Site:
    """All of them. Only the main thread may start them: they die with the thread that did."""

    def __init__(self, directory: Path, seed: str, environment: dict[str, str], numbers: dict[str, int]) -> None:
        self.actors = [
            Actor(role, number, of, HOSTS[number % len(HOSTS)])
            for role, of in numbers.items()
            for number in range(of)
        ]
        self.crashes: list[str] = []
        self._directory = directory
        self._seed = seed
        self._environment = environment

    def keep(self) -> None:
        """Start whoever is not there, and remember who ended without having been killed."""
        for actor in self.actors:
            code = 0 if actor.child is None else actor.child.poll()
            if code not in (None, 0, -signal.SIGKILL):
                self.crashes.append(f"{actor.role}-{actor.number} exited with {code}")
            if code is not None:
                actor.child = self._start(actor)
                actor.process = identify(actor.child.pid)

    def _start(self, actor: Actor) -> subprocess.Popen[bytes]:
        own = {"CHAOS_HOST": actor.host, "RUNTIME_DIR": str(runtime_directory(self._directory, actor.host))}
        words = ["tests.chaos.actors", actor.role, str(actor.number), str(actor.of), self._seed]
        with (self._directory / f"{actor.role}-{actor.number}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=self._environment | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def end(self) -> None:
        """Have all of them end, and wait for it."""
        children = [actor.child for actor in self.actors if actor.child is not None]
        for child in children:
            child.terminate()
        deadline = time.monotonic() + ENDING_TIME
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
            child.kill()
            child.wait()

    def pids(self) -> set[int]:
        return {actor.child.pid for actor in self.actors if actor.child is not None}


def runtime_directory(directory: Path, host: str) -> Path:
    """Return where a host keeps the files of its tasks: each has its own, as machines do."""
    return directory / f"runtime-{host}"


def environment(**entries: str) -> dict[str, str]:
    """Return the environment of a run's processes, which do not compile every module anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | entries
