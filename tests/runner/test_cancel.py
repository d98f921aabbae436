"""Cancelling: asked for at every stage, and obeyed by commands that would rather not be."""

from __future__ import annotations

import time

import pytest
from django.db import transaction

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.real_processes import describe, is_alive

Status = TaskState.Status


def test_a_waiting_task_is_cancelled_at_once(transactional_db, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    task = TaskState.objects.create(command="probe")
    assert task.cancel(by=ann)
    assert (task.status, task.cancel_requested_by) == (Status.CANCELLED, ann)
    assert task.finished_at


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_a_finished_task_cannot_be_cancelled(db, status):
    task = TaskState.objects.create(command="probe", status=status)
    assert not task.cancel()
    assert (task.status, task.cancel_requested_at) == (status, None)


def test_asking_twice_keeps_the_first_request(db):
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, host="another")
    assert task.cancel()
    first = task.cancel_requested_at
    assert task.is_cancelling
    assert task.cancel()
    assert task.cancel_requested_at == first


def test_a_task_that_is_starting_never_runs_its_command(processes):
    processes.configure(
        PREFIX=["sh", "-c", f'while [ ! -e "{processes.words}/go" ]; do sleep 0.01; done; exec "$@"', "sh"]
    )
    task = processes.launch("return_at_word")
    assert processes.read(task).status == Status.STARTING
    assert task.cancel()
    assert task.status == Status.CANCELLED
    processes.say()
    eventually(lambda: not processes.living(), why="the late process has ended")
    assert processes.read(task).status == Status.CANCELLED
    assert not processes.has_heard("started")


@pytest.mark.system
def test_a_process_that_hangs_in_its_set_up_is_ended_and_its_place_given_on(processes, monkeypatch):
    processes.configure(MAX_PROCESSES=1)
    with monkeypatch.context() as hanging:
        hanging.setenv("TEST_PROBES", "tests.probes.apps.HangingConfig")
        task = processes.launch("succeed")
    monitor_pid = processes.read(task).monitor_pid
    waiting = processes.launch("succeed")
    assert processes.is_alive(monitor_pid)

    assert task.cancel()

    eventually(lambda: not processes.is_alive(monitor_pid))
    assert processes.read(task).status == Status.CANCELLED
    assert processes.await_end(waiting, look=False).status == Status.SUCCESSFUL


@pytest.mark.system
def test_a_running_command_is_stopped_with_time_to_clean_up(processes):
    task = processes.launch_and_await_word("clean_up_on_term")
    assert task.cancel()
    assert task.is_cancelling
    ended = processes.await_end(task, within=2.0)
    assert (ended.status, ended.error_title) == (Status.CANCELLED, ""), describe(ended)
    assert processes.has_heard("cleaned")


@pytest.mark.system
def test_cancelling_works_when_the_launching_process_is_gone(processes):
    task = processes.launch_elsewhere("clean_up_on_term")
    processes.await_word("started", task)
    assert processes.read(task).cancel()
    assert processes.await_end(task, within=2.0).status == Status.CANCELLED


@pytest.mark.system
def test_nothing_is_signalled_before_the_commit_nor_after_a_rollback(processes):
    task = processes.launch_and_await_word("return_at_word")
    with transaction.atomic():
        assert task.cancel()
        transaction.set_rollback(True)
    assert not processes.read(task).is_cancelling
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL


@pytest.mark.system
def test_a_request_by_a_row_alone_is_seen_at_the_next_beat(processes):
    """As it comes from another host, which cannot send a signal."""
    task = processes.launch_and_await_word("return_at_word")
    TaskState.objects.update(cancel_requested_at=task.created_at)
    assert processes.await_end(task, within=4.0).status == Status.CANCELLED


@pytest.mark.system
@pytest.mark.parametrize("action", ["ignore_term", "stop_itself"])
def test_a_command_that_does_not_stop_is_killed_after_the_grace(processes, action):
    processes.configure(CANCEL_GRACE=0.5)
    task = processes.launch_and_await_word(action)
    began = time.monotonic()
    assert task.cancel()
    ended = processes.await_end(task, within=5.0)
    assert ended.status == Status.CANCELLED
    if action == "ignore_term":
        assert ended.exit_signal == 9
        assert time.monotonic() - began >= 0.5


@pytest.mark.system
def test_a_command_that_swallows_every_exception_is_stopped_before_the_grace_ends(processes):
    task = processes.launch_and_await_word("swallow_exceptions")
    task.cancel()
    ended = processes.await_end(task, within=5.0)
    assert (ended.status, ended.exit_signal) == (Status.CANCELLED, None), describe(ended)


@pytest.mark.system
def test_a_command_that_survives_the_first_signal_gets_another(processes):
    task = processes.launch_and_await_word("swallow_first_term")
    task.cancel()
    ended = processes.await_end(task, within=5.0)
    assert (ended.status, ended.exit_signal) == (Status.CANCELLED, None), describe(ended)
    assert processes.has_heard("survived")


@pytest.mark.system
def test_a_command_that_returns_all_the_same_is_successful(processes):
    task = processes.launch_and_await_word("return_on_term")
    task.cancel()
    ended = processes.await_end(task)
    assert (ended.status, ended.result) == (Status.SUCCESSFUL, "finished all the same"), describe(ended)


@pytest.mark.system
def test_a_command_that_fails_while_stopping_is_cancelled(processes):
    task = processes.launch_and_await_word("fail_on_term")
    task.cancel()
    assert processes.await_end(task).status == Status.CANCELLED


@pytest.mark.system
@pytest.mark.parametrize("action", ["fork_session", "start_daemon"])
def test_cancelling_ends_descendants_in_sessions_of_their_own(processes, action):
    task = processes.launch_and_await_word(action, "wait")
    grandchild = processes.await_word("grandchild")
    task.cancel()
    ended = processes.await_end(task)
    assert ended.status == Status.CANCELLED
    assert not processes.is_alive(grandchild)
    assert not is_alive(ended, "command")


@pytest.mark.system
def test_temporary_files_of_a_cancelled_command_are_removed(processes):
    task = processes.launch_and_await_word("leave_temporary_file", "half.csv")
    task.cancel()
    processes.await_end(task)
    eventually(lambda: not (processes.words / "half.csv").exists(), within=1.0)


@pytest.mark.system
def test_cancelling_straight_after_the_adoption_loses_no_request(processes):
    """The monitor must survive being woken before it listens."""
    tasks = [processes.launch("return_at_word") for _ in range(4)]
    for task in tasks:
        eventually(lambda task=task: processes.read(task).status != Status.STARTING)
        processes.read(task).cancel()
    assert {processes.await_end(task).status for task in tasks} == {Status.CANCELLED}
