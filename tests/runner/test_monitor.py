"""The monitor: what becomes of a task when one of its processes, or the launching one, is killed."""

from __future__ import annotations

import signal
import time

import pytest

from brokerless import tick
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.real_processes import describe, is_alive

pytestmark = pytest.mark.system

Status = TaskState.Status
AT_ONCE = 1.0  # seconds: how soon the crash of a command is in its row (DESIGN §7)


def test_a_running_task_shows_both_processes_and_its_start(processes):
    task = processes.launch_and_await_word("return_at_word")
    assert task.status == Status.RUNNING
    assert is_alive(task, "monitor")
    assert is_alive(task, "command")
    assert str(task.command_pid) == processes.await_word("started")
    assert task.created_at <= task.claimed_at <= task.started_at
    processes.say()
    ended = processes.await_end(task)
    assert ended.status == Status.SUCCESSFUL, describe(ended)
    assert ended.started_at <= ended.finished_at


def test_kill_9_of_the_command_is_named_within_a_second(processes):
    task = processes.launch_and_await_word("return_at_word")
    processes.kill(task.command_pid)
    ended = processes.await_end(task, within=AT_ONCE, look=False)
    assert (ended.status, ended.exit_signal) == (Status.FAILED, 9)
    assert ended.error_title == "The command was killed by signal 9 (SIGKILL)."


@pytest.mark.parametrize("blow", ["kill", "exit"])
def test_the_end_is_named_too_when_the_launching_process_is_gone(processes, blow):
    task = processes.launch_elsewhere("return_at_word")
    processes.await_word("started", task)
    if blow == "kill":
        processes.kill(processes.read(task).command_pid)
    else:
        processes.say()
    ended = processes.await_end(task, within=AT_ONCE, look=False)
    assert ended.status == (Status.FAILED if blow == "kill" else Status.SUCCESSFUL), describe(ended)
    assert ended.exit_signal == (9 if blow == "kill" else None)


def test_a_killed_monitor_takes_its_command_along_and_the_task_is_lost(processes):
    task = processes.launch_and_await_word("leave_temporary_file", "half.csv")
    assert (processes.words / "half.csv").exists()
    processes.kill(task.monitor_pid)
    ended = processes.await_end(task, within=2.0)
    assert ended.status == Status.LOST
    assert "was killed by signal 9 (SIGKILL)" in ended.error_title
    eventually(lambda: not is_alive(task, "command"), within=AT_ONCE)
    eventually(lambda: not (processes.words / "half.csv").exists(), within=AT_ONCE)


def test_a_poll_finds_the_killed_monitor_of_a_launching_process_that_is_gone(processes):
    task = processes.launch_elsewhere("leave_temporary_file", "half.csv")
    processes.await_word("started", task)
    task = processes.read(task)
    processes.kill(task.monitor_pid)
    eventually(lambda: not is_alive(task, "monitor"))
    assert processes.read(task).status == Status.RUNNING  # nobody has looked yet
    looked_at = tick.look_after(processes.read(task))
    assert (looked_at.status, looked_at.error_type) == (Status.LOST, "lost")
    assert "is gone" in looked_at.error_title
    assert not is_alive(task, "command")
    assert not (processes.words / "half.csv").exists()


def test_a_killed_monitor_does_not_take_the_end_of_the_log_along(processes):
    processes.configure(LOG_LIMIT=10_000)
    task = processes.launch_and_await_word("print_for_ever")
    eventually(lambda: b"bytes left out" in processes.log(task), why="there is more than the log holds")
    processes.kill(task.monitor_pid)
    assert processes.await_end(task).status == Status.LOST
    text = processes.log(task)
    assert b"bytes left out" in text
    # Half of what is kept for the end at least, wherever in a line that begins.
    assert text.rpartition(b"left out")[2].count(b"x") >= 1000
    assert len(text) < 10_200


@pytest.mark.parametrize("action", ["start_session", "fork_session"])
def test_nothing_that_the_command_started_outlives_a_killed_monitor(processes, action):
    task = processes.launch_and_await_word(action, "wait")
    grandchild = processes.await_word("grandchild")
    assert processes.is_alive(grandchild)
    processes.kill(task.monitor_pid)
    assert processes.await_end(task).status == Status.LOST
    eventually(lambda: not processes.is_alive(grandchild), within=AT_ONCE)


@pytest.mark.parametrize("action", ["start_session", "start_daemon"])
def test_nothing_that_the_command_started_outlives_its_normal_end(processes, action):
    task = processes.launch_and_await_word(action, "return")
    ended = processes.await_end(task)
    assert ended.status == Status.SUCCESSFUL, describe(ended)
    assert not processes.is_alive(processes.await_word("grandchild"))


def test_temporary_files_are_removed_after_a_crash_and_others_stay(processes):
    (processes.words / "other.csv").touch()
    task = processes.launch_and_await_word("leave_temporary_file", "half.csv")
    processes.kill(task.command_pid)
    processes.await_end(task)
    eventually(lambda: not (processes.words / "half.csv").exists(), within=AT_ONCE)
    assert (processes.words / "other.csv").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_nobody_asked_for_is_told_as_a_shutdown(processes, number):
    task = processes.launch_and_await_word("clean_up_on_term")
    processes.kill(task.monitor_pid, number)
    ended = processes.await_end(task)
    assert (ended.status, ended.error_type) == (Status.FAILED, "shut-down"), describe(ended)
    assert f"({number.name})" in ended.error_title
    assert processes.has_heard("cleaned")


def test_a_shutdown_of_the_whole_control_group_is_told_as_one(processes):
    task = processes.launch_and_await_word("clean_up_on_term")
    for pid in (task.monitor_pid, task.command_pid):
        processes.kill(pid, signal.SIGTERM)
    assert processes.await_end(task).error_type == "shut-down"


def test_sigterm_to_the_command_alone_is_named(processes):
    task = processes.launch_and_await_word("return_at_word")
    processes.kill(task.command_pid, signal.SIGTERM)
    ended = processes.await_end(task)
    assert (ended.status, ended.error_type) == (Status.FAILED, "TaskCancelled")
    assert ended.error_title == "The command was stopped by signal 15 (SIGTERM)."


def test_a_command_that_never_stops_printing_can_be_cancelled(processes):
    processes.configure(LOG_LIMIT=10_000)
    task = processes.launch_and_await_word("print_for_ever")
    task.cancel()
    assert processes.await_end(task, within=5.0).status == Status.CANCELLED


def test_beats_go_on_while_the_command_is_stopped(processes):
    task = processes.launch_and_await_word("stop_itself")
    eventually(lambda: processes.read(task).heartbeat_at > task.heartbeat_at, within=5.0)
    task.cancel()
    assert processes.await_end(task).status == Status.CANCELLED


def test_there_is_at_most_one_beat_a_second(processes):
    task = processes.launch_and_await_word("track_items", 10, 5)
    began, first = time.monotonic(), processes.read(task).version
    eventually(lambda: processes.read(task).version >= first + 2)
    assert time.monotonic() - began > 1.0
    processes.say()
    processes.await_end(task)


def test_a_deleted_row_ends_the_command(processes):
    task = processes.launch_and_await_word("return_at_word")
    TaskState.objects.all().delete()
    eventually(lambda: not is_alive(task, "command"), within=5.0)


def test_a_lease_that_is_lost_leaves_no_temporary_file(processes):
    task = processes.launch_and_await_word("leave_temporary_file", "half.csv")
    assert processes.has_heard("half.csv")

    TaskState.objects.update(lease=task.lease + 1, status=Status.LOST)

    eventually(lambda: not processes.living(), why="monitor and command have ended")
    assert not processes.has_heard("half.csv")


def test_a_lease_that_is_lost_ends_the_command_and_nothing_is_written(processes):
    task = processes.launch_and_await_word("clean_up_on_term")
    TaskState.objects.update(lease=task.lease + 1, status=Status.LOST)
    eventually(lambda: not is_alive(task, "monitor"), within=5.0)
    assert processes.read(task).status == Status.LOST
    assert not processes.has_heard("cleaned")  # no clean-up that could still have an effect


def test_a_command_that_cannot_be_watched_is_ended_and_the_task_says_why(processes):
    """The log is replaced by a link between the spawn and the adoption."""
    replace_log = 'cd "$RUNTIME_DIR"/*; mv 1.log moved; ln -s moved 1.log; exec "$@"'
    processes.configure(PREFIX=["sh", "-c", replace_log, "sh"])
    ended = processes.await_end(processes.launch("return_at_word"))
    assert (ended.status, ended.error_type) == (Status.FAILED, "not-watched")
    assert "1.log cannot be written" in ended.error_title
    assert not processes.has_heard("started")
