"""Pids that mean another process by now, or mean nothing here: after a reboot, in another container."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless import reap
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import host_name, identify
from brokerless.runtime_dir import TaskFiles
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left, effects
from tests.real_processes import is_alive

Status = TaskState.Status
LOOK = "from brokerless import reap\nprint(reap.reap())\n"
CANCEL = "from brokerless.models import TaskState\nprint(TaskState.objects.get().cancel())\n"
HOST = "from brokerless.processes import host_name\nprint(host_name())\n"


@pytest.fixture
def stranger():
    """Start a process that has a pid which a row remembers."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        yield identify(child.pid)
        child.kill()


def before_the_boot():
    """Return this host as it was called before it was started anew: the same name, another boot."""
    name, _, namespace = host_name().split("/")
    return f"{name}/00000000-0000-0000-0000-000000000000/{namespace}"


def make(status, process, **fields):
    """Record a task whose monitor and command had this pid and start time."""
    beat = timezone.now() - timedelta(seconds=1)
    own = {"claimed_at": beat, "heartbeat_at": beat, "lease": 1, "host": host_name()}
    own |= {"monitor_pid": process.pid, "monitor_start": process.start}
    own |= {"command_pid": process.pid, "command_start": process.start}
    return TaskState.objects.create(command="probe", status=status, **own | fields)


def look_until_changed(task):
    """Look as often as it takes, each time as if LOST_AFTER had passed since the last."""
    for _ in range(3):
        if reap.look_at(TaskState.objects.get(pk=task.pk)):
            break
        long_ago = timezone.now() - timedelta(hours=1)
        marked = TaskState.objects.filter(stale_since__isnull=False)
        marked.update(stale_since=long_ago)
        TaskState.objects.update(heartbeat_at=long_ago, claimed_at=long_ago)
    return TaskState.objects.get(pk=task.pk)


@pytest.mark.parametrize(
    ("status", "becomes", "title"),
    [
        (Status.RUNNING, Status.LOST, "nobody knows how the command ended"),
        (Status.STARTING, Status.FAILED, "The process ended before the command started."),
    ],
)
def test_a_pid_that_came_again_is_another_process(processes, stranger, status, becomes, title):
    """Within one boot: the same pid, another start."""
    task = make(status, stranger._replace(start=stranger.start - 1))
    assert reap.look_at(task)
    assert_ended_as(processes.read(task), becomes, title)
    assert stranger.is_alive


@pytest.mark.parametrize("status", [Status.RUNNING, Status.STARTING])
def test_after_a_reboot_a_pid_says_nothing_even_with_the_same_start(processes, stranger, status):
    """Start times count from the boot, so that a process may even have the same one."""
    task = make(status, stranger, host=before_the_boot())
    assert not reap.look_at(task)
    assert processes.read(task).status == status, "whether it is gone is for its heartbeat to say"

    ended = look_until_changed(task)

    name = socket.gethostname()
    assert_ended_as(ended, Status.LOST if status == Status.RUNNING else Status.FAILED, f"from {name}")
    assert stranger.is_alive


@pytest.mark.parametrize("status", [Status.RUNNING, Status.STARTING])
def test_cancelling_after_a_reboot_signals_nobody(processes, stranger, status):
    task = make(status, stranger, host=before_the_boot())
    assert task.cancel()
    look_until_changed(task)
    assert stranger.is_alive


def test_an_end_that_was_kept_in_a_file_outlives_the_reboot(processes, stranger):
    """The machine went down while the database was away: its monitor had said how the command ended."""
    task = make(Status.RUNNING, stranger, host=before_the_boot())
    TaskFiles(task.pk, 1).store_finish(Outcome(Status.SUCCESSFUL, result=[1], exit_code=0).stored())
    ended = look_until_changed(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert ended.result == [1]


def test_after_a_reboot_what_was_noted_as_temporary_is_removed(processes, stranger):
    task = make(Status.RUNNING, stranger, host=before_the_boot())
    half = processes.words / "half.csv"
    TaskFiles(task.pk, 1).note_temporary(half)
    half.touch()
    assert_ended_as(look_until_changed(task), Status.LOST)
    assert not half.exists()


def test_another_container_of_the_same_host_name_is_another_host(processes, others, container):
    here, there = host_name(), others.run(HOST, prefix=container).strip()
    assert here != there
    assert here.split("/")[0] == there.split("/")[0]


def test_another_container_neither_ends_nor_judges_what_runs_here(processes, others, container):
    task = processes.launch_and_await_word("work_at_word")
    assert others.run(LOOK, prefix=container).split() == ["0"]
    now = processes.read(task)
    assert (now.status, is_alive(now, "monitor"), is_alive(now, "command")) == (Status.RUNNING, True, True)
    processes.say()
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert effects(processes) == ["begun 1", "done 1"]
    assert_nothing_is_left(processes, ended)


def test_a_cancel_from_another_container_is_obeyed_at_the_next_beat(processes, others, container):
    task = processes.launch_and_await_word("work_at_word")
    assert others.run(CANCEL, prefix=container).split() == ["True"]
    ended = processes.await_end(task, within=4.0)
    assert_ended_as(ended, Status.CANCELLED)
    assert effects(processes) == ["begun 1"]
    assert_nothing_is_left(processes, ended)


def test_what_runs_in_another_container_is_not_judged_by_pids_and_runs_to_its_end(processes, others, container):
    others.launch("work_at_word", prefix=container)
    processes.await_word("started")
    task = TaskState.objects.get()
    assert task.host != host_name()
    assert not is_alive(task, "monitor"), "these pids are of another process here, or of none"
    assert not reap.reap()
    processes.say()
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert effects(processes) == ["begun 1", "done 1"]


def test_what_ran_in_a_container_that_was_killed_is_lost(processes, others, container):
    processes.configure(LOST_AFTER=0.5)
    running = others.launch("work_at_word", prefix=container)
    processes.await_word("started")
    task = TaskState.objects.get()
    running.kill()
    eventually(lambda: not processes.living(), why="every process of the container is gone")
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.LOST, "Nothing has been heard from")
    assert effects(processes) == ["begun 1"]
