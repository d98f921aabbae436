"""The order that a monitor gives its command: of any length, and never a reason to watch nothing."""

from __future__ import annotations

from importlib import import_module

import pytest

from brokerless import launch
from brokerless.models import TaskState
from tests.real_processes import describe

Status = TaskState.Status
# More than a socket holds that nobody reads.
LONG = "x" * 1_000_000
SOON = 10.0  # seconds

pytestmark = pytest.mark.system


def test_a_long_order_arrives_whole(processes):
    ended = processes.await_end(launch("broken_probe", options={"text": LONG}))
    assert ended.status == Status.SUCCESSFUL, describe(ended)


def test_a_command_that_never_reads_its_long_order_is_watched_all_the_same(processes, monkeypatch):
    processes.configure(CANCEL_GRACE=0.5)
    import_module("tests.probes.management.commands.broken_probe")  # here it is whole
    monkeypatch.setenv("TEST_BROKEN_COMMAND", "hangs")
    task = launch("broken_probe", options={"text": LONG}, timeout=1)
    ended = processes.await_end(task, within=SOON, look=False)
    assert ended.error_title == "The command ran longer than 1 s.", describe(ended)
