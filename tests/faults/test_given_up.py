"""What a task left on its host when another one had given it up: nothing of it may stay."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless import outcome, transitions
from brokerless.models import TaskState
from brokerless.tick import tick
from tests.eventually import eventually
from tests.real_processes import is_alive

Status = TaskState.Status


def give_up(task):
    """Do as another host does that has looked twice and heard nothing."""
    later = timezone.now() + timedelta(hours=1)
    assert transitions.mark_stale(task, beat_before=later)
    assert transitions.give_up(task, outcome.silent("elsewhere", 60), first_look_before=later)


@pytest.fixture
def left_behind(processes):
    """Return a task that another host gave up while its monitor was stopped, and what it had started."""
    task = processes.launch_and_await_word("start_session", "wait")
    grandchild = int(processes.await_word("grandchild"))
    processes.kill(task.monitor_pid, signal.SIGSTOP)
    task = processes.read(task)
    give_up(task)
    return task, grandchild


def test_a_killed_monitor_s_processes_are_ended_by_the_next_round_on_their_host(processes, left_behind):
    task, grandchild = left_behind
    processes.kill(task.monitor_pid)
    eventually(lambda: not is_alive(task, "monitor"))

    tick()

    eventually(lambda: not processes.is_alive(grandchild), why="the grandchild is ended")
    found = processes.read(task)
    assert (found.status, found.stale_since) == (Status.LOST, None)


def test_a_living_monitor_ends_them_itself(processes, left_behind):
    task, grandchild = left_behind
    tick()
    assert processes.is_alive(grandchild)  # its monitor is only stopped

    processes.kill(task.monitor_pid, signal.SIGCONT)

    eventually(lambda: not processes.is_alive(grandchild), why="the grandchild is ended")
    eventually(lambda: not is_alive(task, "monitor"))
    assert processes.read(task).status == Status.LOST
