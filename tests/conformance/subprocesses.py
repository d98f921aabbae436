"""The programs that a run starts: each gets the time to clean up when the run is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
# How long a program may clean up after an interrupt: the harness ends its tasks meanwhile.
ENDING_TIME = 30.0  # seconds
# Variables that would lead a Python to other modules than its own, have each process compile all of them anew,
# or permit the tests more than they need.
FOREIGN = {"PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "DJANGO_ALLOW_ASYNC_UNSAFE"}


def execute(words: Sequence[str | Path], *, output: IO[str] | None = None, **variables: str) -> int:
    """Run a program in the project's directory and return its exit code.

    output: a file for what it prints. variables: of its environment, beside this process's own. When this
    process is interrupted, so is the program, and its end is awaited; nothing that it has left goes on.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    # A temporary directory of its own: not every program removes its files when it is interrupted.
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as temporary:
        child = subprocess.Popen(
            words,
            cwd=ROOT,
            env=inherited | {"TMPDIR": temporary} | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            # A group of its own, so that Ctrl-C reaches it once, whoever else is told of it.
            process_group=0,
        )
        try:
            return child.wait()
        except KeyboardInterrupt:
            _end(child)
            raise


def _end(child: subprocess.Popen[bytes]) -> None:
    """Interrupt a program and whatever it has started in its group, and kill what does not end."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGINT)
    try:
        with suppress(subprocess.TimeoutExpired):
            child.wait(ENDING_TIME)
    finally:  # at a second interrupt at once
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
