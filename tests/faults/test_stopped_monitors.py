"""A monitor is stopped (SIGSTOP) past its lease, and goes on: alone it goes on, and given up it has no effect."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless import reap, tick
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left, effects, published
from tests.faults.others import ELSEWHERE
from tests.real_processes import is_alive

Status = TaskState.Status
LOST_AFTER = 0.5  # seconds
REAP_UNTIL_ONE_IS_CHANGED = (
    "import time\nfrom brokerless import reap\nwhile not reap.reap():\n    time.sleep(0.05)\n"
)


def stop(processes, task, *roles):
    for role in roles:
        processes.kill(getattr(task, f"{role}_pid"), signal.SIGSTOP)


def resume(processes, task, *roles):
    for role in roles:
        processes.kill(getattr(task, f"{role}_pid"), signal.SIGCONT)


def test_on_its_own_host_nobody_takes_the_task_and_it_goes_on(processes, others):
    task = processes.launch_and_await_word("publish_at_word")
    stop(processes, task, "monitor")
    long_ago = timezone.now() - timedelta(hours=1)
    TaskState.objects.update(heartbeat_at=long_ago, stale_since=long_ago)
    processes.say()
    processes.await_word("renewing", task)

    for _ in range(3):
        tick.tick()
        assert tick.look_after(processes.read(task)).status == Status.RUNNING
    assert others.run("from brokerless import reap\nprint(reap.reap())\n").split() == ["0"]
    assert published(processes) == []

    resume(processes, task, "monitor")
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert (ended.lease, ended.attempt) == (1, 1)
    assert effects(processes) == ["begun 1", "done 1"]
    assert len(published(processes)) == 2
    assert_nothing_is_left(processes, ended)


@pytest.mark.parametrize("stopped", [("monitor",), ("command", "monitor")])
@pytest.mark.parametrize("max_attempts", [1, 2])
def test_given_up_by_another_host_it_ends_its_command_and_publishes_nothing(
    processes, others, stopped, max_attempts
):
    processes.configure(LOST_AFTER=LOST_AFTER)
    task = processes.launch("publish_at_word", max_attempts=max_attempts)
    processes.await_word("started", task)
    task = processes.read(task)
    stop(processes, task, *stopped)
    processes.say()
    if "command" not in stopped:
        processes.await_word("renewing", task)

    others.run(REAP_UNTIL_ONE_IS_CHANGED, host=ELSEWHERE)

    lost = processes.read(task)
    # Not tried again, whatever attempts remain: nobody there knows that it does not run.
    assert_ended_as(lost, Status.LOST, "Nothing has been heard from")
    assert is_alive(task, "monitor")
    resume(processes, task, *stopped)
    eventually(lambda: not is_alive(task, "monitor"), why="the monitor has ended")
    after = processes.read(task)
    assert (after.status, after.version, after.finished_at) == (Status.LOST, lost.version, lost.finished_at)
    assert effects(processes) == ["begun 1"]
    assert published(processes) == []
    assert_nothing_is_left(processes, after)


def test_given_up_in_its_final_write_it_writes_nothing(processes, others):
    """The command has ended; what is late is the monitor alone."""
    processes.configure(LOST_AFTER=LOST_AFTER)
    task = processes.launch_and_await_word("return_at_word")
    stop(processes, task, "monitor")
    processes.say()
    eventually(lambda: not is_alive(task, "command"), why="the command has returned")

    others.run(REAP_UNTIL_ONE_IS_CHANGED, host=ELSEWHERE)

    lost = processes.read(task)
    resume(processes, task, "monitor")
    eventually(lambda: not is_alive(task, "monitor"), why="the monitor has ended")
    assert_ended_as(processes.read(task), Status.LOST)
    assert processes.read(task).version == lost.version
    assert_nothing_is_left(processes, task)


def test_a_monitor_that_was_heard_again_between_the_two_looks_keeps_its_task(processes, others):
    """Stopped for longer than LOST_AFTER, but not through both looks."""
    processes.configure(LOST_AFTER=LOST_AFTER)
    task = processes.launch_and_await_word("publish_at_word")
    stop(processes, task, "monitor")
    look = "import time\nfrom brokerless import reap\nfrom brokerless.models import TaskState\n"
    look += (
        "while not TaskState.objects.filter(stale_since__isnull=False):\n    reap.reap()\n    time.sleep(0.05)\n"
    )
    others.run(look, host=ELSEWHERE)
    resume(processes, task, "monitor")
    eventually(lambda: processes.read(task).stale_since is None, why="a beat has come")
    assert not reap.reap()
    processes.say()
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert effects(processes) == ["begun 1", "done 1"]
