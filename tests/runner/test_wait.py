"""Waiting for a task, from scripts and commands."""

from __future__ import annotations

import pytest

from brokerless.exceptions import BrokerlessError
from brokerless.models import TaskState

Status = TaskState.Status


@pytest.mark.django_db(transaction=True)
def test_a_finished_task_is_returned_at_once():
    task = TaskState.objects.create(command="probe", status=Status.FAILED)
    assert task.wait() is task


@pytest.mark.django_db(transaction=True)
def test_a_task_that_is_not_finished_in_time_is_an_error_that_names_its_status():
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, host="another")
    with pytest.raises(TimeoutError, match=r"is still RUNNING after 0\.01 s"):
        task.wait(timeout=0.01)


@pytest.mark.django_db
def test_waiting_in_a_transaction_is_an_error():
    task = TaskState.objects.create(command="probe", status=Status.FAILED)
    with pytest.raises(BrokerlessError, match="inside a transaction"):
        task.wait()


@pytest.mark.system
def test_waiting_ends_with_the_task(processes):
    task = processes.launch("succeed")
    assert task.wait(timeout=20).status == Status.SUCCESSFUL


@pytest.mark.system
def test_waiting_finds_a_monitor_that_is_gone(processes):
    task = processes.launch_elsewhere("return_at_word")
    processes.await_word("started", task)
    processes.kill(processes.read(task).monitor_pid)
    assert task.wait(timeout=5).status == Status.LOST
