"""Cancelling what does not want to stop, or cannot hear: in C, without SIGTERM, in sessions of its own."""

from __future__ import annotations

import psutil
import pytest

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left
from tests.real_processes import is_running

Status = TaskState.Status
GRACE = 1.0  # seconds
STOPPED_WITHIN = GRACE + 4.0


def descendants(pid):
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize("action", ["add_for_ever", "match_for_ever"])
def test_a_command_that_sits_in_c_beats_on_and_is_ended(processes, action):
    processes.configure(CANCEL_GRACE=GRACE)
    task = processes.launch_and_await_word(action)
    beat = task.heartbeat_at
    eventually(lambda: processes.read(task).heartbeat_at > beat, within=5.0, why="it is still watched")
    task.cancel()
    ended = processes.await_end(task, within=STOPPED_WITHIN, look=False)
    assert_ended_as(ended, Status.CANCELLED)
    # A regular expression looks for signals now and then; a sum never does.
    if action == "add_for_ever":
        assert ended.exit_signal == 9
    assert_nothing_is_left(processes, ended)


@pytest.mark.parametrize("action", ["start_bare_daemon", "start_session", "fork_session", "start_daemon"])
@pytest.mark.parametrize("is_deaf", [False, True])
def test_the_whole_tree_dies(processes, action, is_deaf):
    """Grandchildren too, in sessions of their own, without a parent, without an environment, deaf to SIGTERM."""
    processes.configure(CANCEL_GRACE=GRACE)
    task = processes.launch(*(["deaf", action] if is_deaf else [action, "wait"]))
    processes.await_word("started", task)
    grandchild = int(processes.await_word("grandchild", task))
    task = processes.read(task)
    tree = descendants(task.monitor_pid)
    assert grandchild in {process.pid for process in tree}
    assert len(tree) >= 2
    task.cancel()
    ended = processes.await_end(task, within=STOPPED_WITHIN, look=False)
    assert_ended_as(ended, Status.CANCELLED)
    assert not [process for process in tree if is_running(process)]
    assert_nothing_is_left(processes, ended)


def test_descendants_that_start_others_while_they_are_ended_are_all_ended(processes):
    processes.configure(CANCEL_GRACE=GRACE)
    task = processes.launch_and_await_word("start_ever_more")
    eventually(lambda: len(descendants(task.monitor_pid)) > 3, why="they have started")
    task.cancel()
    ended = processes.await_end(task, within=STOPPED_WITHIN + 5.0, look=False)
    assert_ended_as(ended, Status.CANCELLED)
    eventually(lambda: not processes.living(), within=5.0, why="none of them is left")
