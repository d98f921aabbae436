"""Attempts of real processes: what is tried again, what is not, and what an attempt leaves to the next."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.runtime_dir import TaskFiles
from brokerless.tick import look_after
from tests.eventually import eventually
from tests.real_processes import describe, is_alive

pytestmark = pytest.mark.system

Status = TaskState.Status


@pytest.fixture
def quick(processes):
    """Have the pauses between attempts be short."""
    processes.configure(RETRY_PAUSE=0.2)
    return processes


def kinds(task):
    return [(error["attempt"], error["type"], error["exit_code"], error["exit_signal"]) for error in task.errors]


def await_next(processes, task, number):
    """Wait, looking as a page that polls does, until an attempt has begun its command; return the row."""

    def begun():
        look_after(processes.read(task))
        return processes.has_heard(f"attempt-{number}")

    eventually(begun, why=f"attempt {number}")
    return processes.read(task)


def launch_elsewhere(processes, action, *values, **keywords):
    """Launch from a process that is gone when this returns."""
    arguments, options = [action, *map(str, values)], {"directory": str(processes.words)}
    code = (
        "import django; django.setup()\n"
        "from brokerless import launch\n"
        f"print(launch('probe', arguments={arguments!r}, options={options!r}, **{keywords!r}).pk)\n"
    )
    return TaskState.objects.get(pk=processes.run_python(code).strip())


def test_a_command_that_fails_twice_ends_well_in_its_third_attempt(quick):
    task = quick.launch("fail_before_attempt", 3, max_attempts=3, unique_key="books")
    key = task.unique_key
    await_next(quick, task, 2)
    assert quick.read(task).unique_key == key
    ended = quick.await_end(task)
    assert (ended.status, ended.attempt, ended.lease) == (Status.SUCCESSFUL, 3, 3), describe(ended)
    assert kinds(ended) == [(1, "SystemExit", 7, None), (2, "ValueError", 1, None)]
    assert [error["title"] for error in ended.errors] == ["The command exited with code 7.", "attempt 2"]
    assert "raise ValueError" in ended.errors[1]["detail"]
    assert ended.errors[0]["at"] < ended.errors[1]["at"]
    assert ended.result == {"attempt": 3, "errors": ["SystemExit", "ValueError"]}
    assert (ended.progress_current, ended.progress_total, ended.progress_message) == (None, None, "")
    assert (ended.error_type, ended.error_title, ended.error_detail) == ("", "", "")
    assert (ended.exit_code, ended.unique_key) == (0, None)


def test_between_two_attempts_nothing_of_the_first_is_left_on_the_row(processes):
    processes.configure(RETRY_PAUSE=1000)
    task = processes.launch("fail_before_attempt", 2, max_attempts=2)
    eventually(lambda: processes.read(task).errors)
    waiting = processes.read(task)
    assert (waiting.status, waiting.attempt, waiting.monitor_pid, waiting.host) == (Status.READY, 1, None, "")
    assert (waiting.progress_current, waiting.progress_unit, waiting.result) == (None, "", None)
    pause = waiting.run_after - timezone.now()
    assert timedelta(seconds=450) < pause < timedelta(seconds=1000)
    eventually(lambda: not processes.living(), why="nobody stays for so long a pause")


def test_after_the_last_attempt_it_has_failed_with_the_last_error(quick):
    ended = quick.await_end(quick.launch("fail_before_attempt", 9, max_attempts=2))
    assert (ended.status, ended.attempt, ended.error_title) == (Status.FAILED, 2, "attempt 2"), describe(ended)
    assert kinds(ended) == [(1, "SystemExit", 7, None)]
    assert ended.progress_current == 7


def test_a_final_error_is_not_tried_again(quick):
    ended = quick.await_end(quick.launch("raise_final", max_attempts=3))
    assert (ended.status, ended.attempt, ended.errors) == (Status.FAILED, 1, [])
    assert (ended.error_type, ended.error_title) == ("FinalError", "There will never be such a book.")


def test_nobody_need_look_for_the_next_attempt_to_begin(quick):
    task = launch_elsewhere(quick, "fail_before_attempt", 3, max_attempts=3)
    ended = quick.await_end(task, look=False)
    assert (ended.status, ended.attempt) == (Status.SUCCESSFUL, 3), describe(ended)


def test_two_that_wait_for_their_next_attempts_at_once_both_get_them(quick):
    tasks = [launch_elsewhere(quick, "fail_before_attempt", 3, max_attempts=3) for _ in range(2)]
    for task in tasks:
        ended = quick.await_end(task, look=False)
        assert (ended.status, ended.attempt) == (Status.SUCCESSFUL, 3), describe(ended)


def test_a_killed_command_is_tried_again(quick):
    task = quick.launch("hang_before_attempt", 2, max_attempts=2)
    first = await_next(quick, task, 1)
    quick.await_word("started")
    quick.kill(first.command_pid)
    ended = quick.await_end(task)
    assert (ended.status, ended.result) == (Status.SUCCESSFUL, 2), describe(ended)
    assert kinds(ended) == [(1, "killed-by-signal", None, signal.SIGKILL)]


def test_a_task_whose_monitor_was_killed_is_tried_again_when_nothing_of_it_lives(quick):
    task = quick.launch("hang_before_attempt", 2, max_attempts=2)
    first = await_next(quick, task, 1)
    quick.await_word("started")
    grandchild = int(quick.await_word("grandchild"))
    assert quick.is_alive(grandchild)

    quick.kill(first.monitor_pid)

    second = await_next(quick, task, 2)
    assert not quick.is_alive(grandchild)
    assert not is_alive(first, "command")
    ended = quick.await_end(second)
    assert (ended.status, ended.attempt, ended.result) == (Status.SUCCESSFUL, 2, 2), describe(ended)
    assert [error["type"] for error in ended.errors] == ["lost"]
    assert "signal 9 (SIGKILL)" in ended.errors[0]["title"]


def test_a_command_that_ran_out_of_time_is_tried_again(quick):
    task = quick.launch("hang_before_attempt", 2, max_attempts=2, timeout=2)
    ended = quick.await_end(task)
    assert (ended.status, ended.result) == (Status.SUCCESSFUL, 2), describe(ended)
    assert [error["type"] for error in ended.errors] == ["timed-out"]


def test_what_waits_for_its_next_attempt_is_cancelled_at_once(processes):
    processes.configure(RETRY_PAUSE=30)
    task = processes.launch("fail_before_attempt", 2, max_attempts=2)
    eventually(lambda: processes.read(task).errors)
    assert processes.read(task).cancel()
    ended = processes.read(task)
    assert (ended.status, ended.attempt, kinds(ended)) == (Status.CANCELLED, 1, [(1, "SystemExit", 7, None)])
    eventually(lambda: not processes.living(), why="nobody goes on waiting for it")
    assert not processes.has_heard("attempt-2")


def test_a_command_that_fails_as_it_is_cancelled_is_not_tried_again(quick):
    task = quick.launch_and_await_word("fail_on_term", max_attempts=3)
    task.cancel()
    ended = quick.await_end(task)
    assert (ended.status, ended.attempt, ended.errors) == (Status.CANCELLED, 1, [])


def test_a_second_attempt_is_cancelled_like_a_first(quick):
    task = quick.launch("fail_at_word_then_wait", max_attempts=3)
    quick.await_word("attempt-1", task)
    quick.say("go-1")
    running = await_next(quick, task, 2)
    running.cancel()
    ended = quick.await_end(running)
    assert (ended.status, ended.attempt, len(ended.errors)) == (Status.CANCELLED, 2, 1)


def test_an_attempt_s_end_that_was_kept_in_a_file_is_followed_by_the_next(quick):
    task = quick.launch("hang_before_attempt", 2, max_attempts=2)
    first = await_next(quick, task, 1)
    quick.await_word("started")
    failed = Outcome(Status.FAILED, error_type="ValueError", error_title="kept", exit_code=1)
    files = TaskFiles(first.pk, first.lease)
    files.store_finish(failed.stored())
    quick.kill(first.monitor_pid)
    ended = quick.await_end(task)
    assert (ended.status, ended.result) == (Status.SUCCESSFUL, 2), describe(ended)
    assert [error["title"] for error in ended.errors] == ["kept"]
    assert files.read_finish() is None


def test_a_shut_down_is_tried_again_by_whoever_looks_next_and_not_by_its_own_monitor(quick):
    task = quick.launch("hang_before_attempt", 2, max_attempts=2)
    first = await_next(quick, task, 1)
    quick.await_word("started")
    quick.kill(first.monitor_pid, signal.SIGTERM)
    eventually(lambda: quick.read(task).errors)
    eventually(lambda: not is_alive(first, "monitor"))
    assert not quick.has_heard("attempt-2")
    ended = quick.await_end(task)
    assert (ended.status, ended.result) == (Status.SUCCESSFUL, 2), describe(ended)
    assert [error["type"] for error in ended.errors] == ["shut-down"]


def test_each_attempt_has_a_log_and_a_process_of_its_own(quick):
    task = quick.launch("fail_before_attempt", 3, max_attempts=3)
    quick.await_end(task)
    directory = TaskFiles(task.pk, 1).directory
    assert {path.name for path in directory.glob("*.log")} == {"1.log", "2.log", "3.log"}
    pids = {quick.await_word(f"attempt-{number}") for number in (1, 2, 3)}
    assert len(pids) == 3
    assert str(os.getpid()) not in pids
