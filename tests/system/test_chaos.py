"""The short form of `make chaos`: everything is killed, and every row comes to the truth all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.chaos.__main__ import EXIT_NO_DATABASE
from tests.requirements import missing
from tests.system.running_site import ROOT

# Enough for each kind of fault to be met; with what is awaited at the end a run takes twice as long.
OPTIONS = ("--tasks=40", "--seconds=12", "--absences=2", "--pause=0.3")
LONGEST_RUN = 150  # seconds; one that hangs is ended, and with it all that it has started


@pytest.mark.proof
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_chaos_leaves_every_task_finished_and_nothing_behind(database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", database, *OPTIONS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_RUN,
        check=False,
    )
    if done.returncode == EXIT_NO_DATABASE:
        missing(database, done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
