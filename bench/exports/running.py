"""One run of programs that are piped together: how long it took, and how much memory it had at most."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
LOOK = 0.02  # seconds between two looks at the memory: an export takes a hundred times that to grow
HAS_PROC = Path("/proc/self/task").is_dir()


class RunError(Exception):
    """A program that did not end well, and its last words."""


@dataclass(frozen=True)
class Run:
    """seconds: from the first program's start to the last one's end. memory: bytes, as `Memory` says.

    processor_seconds: of all its processes, in user and system mode.
    """

    seconds: float
    processor_seconds: float
    memory: int


def run(commands: Sequence[Sequence[str]], *, environment: Mapping[str, str], output: Path | None) -> Run:
    """Run programs, each reading what the one before it writes; the last writes to a file, or to /dev/null.

    Raises RunError when one of them does not end well.
    """
    with tempfile.TemporaryFile() as errors, Path(output or os.devnull).open("wb") as end:
        used, begun = _processor_seconds(), time.perf_counter()
        children = _start(commands, environment, end, errors)
        try:
            with Memory([child.pid for child in children]) as memory:
                for child in children:
                    child.wait()
        finally:
            for child in children:
                _end(child)
        seconds = time.perf_counter() - begun
        if any(child.returncode for child in children):
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise RunError(lines[-1])
    return Run(seconds, _processor_seconds() - used, memory.peak)


def _processor_seconds() -> float:
    """Return what the children used that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _start(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], end: IO[bytes], errors: IO[bytes]
) -> list[subprocess.Popen]:
    children: list[subprocess.Popen] = []
    for words in commands:
        is_last = len(children) + 1 == len(commands)
        before = children[-1].stdout if children else None
        child = subprocess.Popen(
            words,
            cwd=ROOT,
            env=os.environ | environment,
            stdin=before or subprocess.DEVNULL,
            stdout=end if is_last else subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # a Ctrl-C reaches it through here only, and once
        )
        if before is not None:
            before.close()  # so that the one before is told when this one has gone
        children.append(child)
    return children


def _end(child: subprocess.Popen) -> None:
    if child.poll() is None:
        child.terminate()
        child.wait()


class Memory:
    """The peak memory of processes and all their descendants, watched while the context is open.

    Of those that run at one time, the sum of what each had at most until then (VmHWM: the kernel's own mark of the
    highest resident memory, which misses nothing between two looks), so rather more than all had together. Shared
    pages count for each that has them. Where there is no /proc, what was resident at a look.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self.peak = 0
        self._pids = pids
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, sum(map(_memory_of_tree, self._pids)))
            if self._is_over.wait(LOOK):
                return


def _memory_of_tree(pid: int) -> int:
    memory = 0
    with suppress(OSError, psutil.Error, StopIteration):  # it has ended
        memory = _highest(pid) if HAS_PROC else psutil.Process(pid).memory_info().rss
        memory += sum(map(_memory_of_tree, _children(pid)))
    return memory


def _highest(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def _children(pid: int) -> list[int]:
    if not HAS_PROC:
        return [child.pid for child in psutil.Process(pid).children()]
    # Without a look at every process of the machine, as psutil takes.
    return [
        int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()
    ]
