"""Real processes that end in mid-file: cancelled, killed, interrupted by hand; no part of a file stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brokerless import launch
from brokerless.exports.models import ExportFile
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.exporting.faults import OUTPUT, STORED, assert_nothing_is_left, files_in
from tests.exporting.making import make_many_books
from tests.real_processes import describe

pytestmark = pytest.mark.system

# Writing so many takes longer than noticing that it began.
BOOKS = {"csv": 100_000, "xlsx": 20_000, "parquet": 50_000}
MANAGE = Path(__file__).parents[2] / "manage.py"


@pytest.fixture
def directory(processes) -> Path:
    """Return the directory of the storage that the processes have; other files may be written there, too."""
    found = processes.directory / "exports"
    found.mkdir(exist_ok=True)
    return found


def part_of_a_file(directory: Path) -> Path:
    return eventually(lambda: next(directory.glob(".*.partial"), None), why="a file has been begun")


def freeze_in_mid_file(directory: Path, pid: int) -> None:
    """Stop the process, so that it cannot end first."""
    os.kill(pid, signal.SIGSTOP)
    assert part_of_a_file(directory)


def launch_and_freeze(processes, directory: Path, file_format: str, **options: str) -> TaskState:
    make_many_books(BOOKS[file_format])
    task = launch("export_books", options=options)
    part_of_a_file(directory)
    task = processes.read(task)
    freeze_in_mid_file(directory, task.command_pid)
    return task


@pytest.mark.parametrize(
    ("file_format", "destination"), [("csv", STORED), ("xlsx", STORED), ("parquet", STORED), ("xlsx", OUTPUT)]
)
def test_a_task_that_is_cancelled_in_mid_file(processes, directory, file_format, destination):
    options = {"format": file_format} if destination == STORED else {"output": str(directory / f"b.{file_format}")}
    task = launch_and_freeze(processes, directory, file_format, **options)
    task.cancel()
    task = processes.await_end(task)
    assert task.status == TaskState.Status.CANCELLED, describe(task)
    eventually(lambda: not files_in(directory), why="the part of a file is gone")
    assert not ExportFile.objects.exists()


@pytest.mark.parametrize("file_format", ["xlsx", "parquet"])
def test_a_task_that_is_killed_in_mid_file(processes, directory, file_format):
    task = launch_and_freeze(processes, directory, file_format, format=file_format)
    os.kill(task.command_pid, signal.SIGKILL)
    task = processes.await_end(task)
    assert task.error_title == "The command was killed by signal 9 (SIGKILL).", describe(task)
    eventually(lambda: not files_in(directory), why="the part of a file is gone")
    assert not ExportFile.objects.filter(ready_at__isnull=False)


@pytest.mark.parametrize(
    ("file_format", "number"), [("xlsx", signal.SIGINT), ("parquet", signal.SIGINT), ("xlsx", signal.SIGTERM)]
)
def test_a_run_by_hand_that_is_interrupted_in_mid_file(processes, directory, file_format, number):
    make_many_books(BOOKS[file_format])
    command = [sys.executable, MANAGE, "export_books", "--output", directory / f"books.{file_format}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        part_of_a_file(directory)
        freeze_in_mid_file(directory, process.pid)
        os.kill(process.pid, number)
        os.kill(process.pid, signal.SIGCONT)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said.splitlines()[-1:]) == (130, ["CommandError: Interrupted."]), said
    assert_nothing_is_left(directory)
