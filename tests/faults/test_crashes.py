"""The processes of a task are killed: the row says so in time, and what was begun is not done twice."""

from __future__ import annotations

import signal

import pytest

from brokerless import tick
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.faults.evidence import (
    COMMAND_S_CRASH_WITHIN,
    MONITOR_S_CRASH_WITHIN,
    assert_ended_as,
    assert_nothing_is_left,
    effects,
)
from tests.real_processes import is_alive

Status = TaskState.Status


@pytest.mark.parametrize(
    ("action", "values", "title"),
    [
        ("kill_itself", [9], "The command was killed by signal 9 (SIGKILL)."),
        ("os_exit", [0], "The command exited without reporting."),
        ("os_exit", [3], "The command exited with code 3 without reporting."),
        ("segfault", [], "The command was killed by signal 11 (SIGSEGV)."),
    ],
)
def test_a_crash_of_the_command_is_in_the_row_within_a_second_though_nobody_looks(
    processes, action, values, title
):
    task = processes.launch("crash_at_word", action, *values)
    processes.await_word("started", task)
    processes.say()
    ended = processes.await_end(task, within=COMMAND_S_CRASH_WITHIN, look=False)
    assert_ended_as(ended, Status.FAILED, title)
    assert effects(processes) == ["begun 1"]
    assert_nothing_is_left(processes, ended)


@pytest.mark.parametrize("order", [("monitor", "command"), ("command", "monitor")])
def test_when_monitor_and_command_are_killed_at_once_the_task_is_lost(processes, order):
    task = processes.launch_and_await_word("work_at_word")
    # Stopped first, so that neither can say anything of the other's end.
    processes.kill(task.monitor_pid, signal.SIGSTOP)
    for role in order:
        processes.kill(getattr(task, f"{role}_pid"))
    ended = processes.await_end(task, within=MONITOR_S_CRASH_WITHIN)
    assert_ended_as(ended, Status.LOST, "was killed by signal 9 (SIGKILL); nobody knows how the command ended.")
    assert effects(processes) == ["begun 1"]
    assert_nothing_is_left(processes, ended)


def test_when_both_and_the_launching_process_are_killed_a_poll_finds_the_task_lost(processes, others):
    launching = others.launch("work_at_word")
    processes.await_word("started")
    task = TaskState.objects.get()
    for pid in (launching.pid, task.monitor_pid, task.command_pid):
        processes.kill(pid)
    eventually(lambda: not is_alive(task, "monitor"))
    ended = processes.await_end(task, within=MONITOR_S_CRASH_WITHIN)
    assert_ended_as(ended, Status.LOST, "is gone; nobody knows how the command ended.")
    assert effects(processes) == ["begun 1"]
    assert_nothing_is_left(processes, ended)


def test_a_killed_monitor_is_noticed_at_the_end_of_another_task(processes, others):
    """Nobody polls, and the launching process is gone."""
    launching = others.launch("work_at_word")
    processes.await_word("started")
    task = TaskState.objects.get()
    launching.kill()
    launching.wait()
    other = processes.launch("return_at_word")
    eventually(lambda: processes.read(other).status == Status.RUNNING)
    processes.kill(task.monitor_pid)
    eventually(lambda: not is_alive(task, "monitor"))
    processes.say()
    ended = processes.await_end(task, look=False)
    assert_ended_as(ended, Status.LOST, "is gone; nobody knows how the command ended.")


def test_a_task_goes_on_when_its_launching_process_is_killed(processes, others):
    launching = others.launch("work_at_word")
    processes.await_word("started")
    launching.kill()
    launching.wait()
    task = TaskState.objects.get()
    assert is_alive(task, "monitor")
    assert is_alive(task, "command")
    processes.say()
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert effects(processes) == ["begun 1", "done 1"]
    assert_nothing_is_left(processes, ended)


def test_what_is_finished_stays_as_it_is_however_often_it_is_looked_at(processes):
    task = processes.launch_and_await_word("work_at_word")
    processes.kill(task.command_pid)
    ended = processes.await_end(task, look=False)
    for _ in range(3):
        tick.tick()
        tick.look_after(processes.read(task))
    assert processes.read(task).version == ended.version
    assert processes.read(task).finished_at == ended.finished_at
