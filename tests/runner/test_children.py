"""Whose child ended, and how."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from brokerless import children
from brokerless.exceptions import SpawnError
from brokerless.processes import identify
from brokerless.spawn import spawn
from tests.eventually import eventually

pytestmark = pytest.mark.system


@pytest.fixture
def start():
    """Start a child that runs this code, remembered until the end of the test."""
    started = []

    def run(code):
        with Path(os.devnull).open("wb") as output:
            child = spawn(
                [sys.executable, "-c", code], directory="/", environment=os.environ, output=output.fileno()
            )
        children.add(child)
        started.append(child)
        return child

    yield run
    for child in started:
        child.kill()
        child.wait()
        children.forget(child)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("raise SystemExit(3)", 3), ("pass", 0), ("import os; os.kill(os.getpid(), 9)", -9)],
)
@pytest.mark.parametrize("is_awaited", [True, False])
def test_the_end_of_a_child_is_known_whoever_collects_it(start, code, expected, is_awaited):
    child = start(code)
    process = identify(child.pid)
    waiting = threading.Thread(target=children.wait, args=(child,))
    if is_awaited:
        waiting.start()
    eventually(lambda: not process.is_alive)
    assert children.return_code(process) == expected
    if is_awaited:
        waiting.join()


def test_nothing_is_known_of_a_child_that_runs(start):
    child = start("import time; time.sleep(600)")
    assert children.return_code(identify(child.pid)) is None
    assert child.pid in children.pids()


def test_nothing_is_known_of_a_process_that_is_no_child_or_forgotten(start):
    assert children.return_code(identify(os.getppid())) is None
    child = start("raise SystemExit(3)")
    process = identify(child.pid)
    children.forget(child)
    eventually(lambda: not process.is_alive)
    assert children.return_code(process) is None


def test_no_exit_code_is_made_up_where_the_system_keeps_none(start):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        child = start("import os; os.kill(os.getpid(), 9)")
        process = identify(child.pid)
        eventually(lambda: not process.is_alive)
        assert children.return_code(process) is None
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_forgetting_a_child_keeps_a_later_one_with_its_pid(start):
    child = start("import time; time.sleep(600)")

    class Earlier:
        pid = child.pid

    children.forget(Earlier())
    assert child.pid in children.pids()


@pytest.mark.parametrize(
    ("words", "directory"),
    [(["/no/such/program"], "/"), ([sys.executable], "/no/such/directory"), (["a\0b"], "/")],
)
def test_what_cannot_be_spawned_is_an_error_with_the_system_s_reason(words, directory):
    with pytest.raises(SpawnError, match=r"No such file or directory|embedded null byte"):
        spawn(words, directory=directory, environment=os.environ, output=1)
