"""Tasks that tasks launch: whose processes they are, and what outlives what."""

from __future__ import annotations

import pytest

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.real_processes import describe, is_alive

pytestmark = pytest.mark.system

Status = TaskState.Status


def test_a_task_that_a_command_launches_outlives_the_command(processes):
    (processes.words / "other").mkdir()
    first = processes.await_end(processes.launch("launch_another"))
    assert first.status == Status.SUCCESSFUL, describe(first)
    second = TaskState.objects.get(pk=processes.await_word("launched"))
    eventually((processes.words / "other" / "started").exists)
    (processes.words / "other" / "go").touch()
    assert processes.await_end(second).status == Status.SUCCESSFUL


def test_tasks_that_are_started_while_a_command_ends_are_not_ended_with_it(processes):
    assert processes.await_end(processes.launch("launch_five")).status == Status.SUCCESSFUL
    for pk in processes.await_word("launched").split():
        task = processes.await_end(TaskState.objects.get(pk=pk))
        assert task.status == Status.SUCCESSFUL, describe(task)


def test_a_task_started_by_a_task_that_a_task_started_outlives_them_all(processes):
    """The monitor of the third is inherited by the first's, a subreaper, when the second's has ended."""
    processes.configure(MAX_PROCESSES=2)
    for name in ("other", "third"):
        (processes.words / name).mkdir()
    first = processes.launch_and_await_word("launch_another_and_stay")
    eventually((processes.words / "other" / "started").exists)
    third = processes.launch("return_at_word", options={"directory": str(processes.words / "third")})
    assert processes.read(third).status == Status.READY
    (processes.words / "other" / "go").touch()
    eventually((processes.words / "third" / "started").exists)
    second = TaskState.objects.get(pk=processes.await_word("launched"))
    eventually(lambda: not is_alive(second, "monitor"))

    processes.say()

    assert processes.await_end(first).status == Status.SUCCESSFUL
    eventually(lambda: not is_alive(processes.read(first), "monitor"))
    assert is_alive(processes.read(third), "command")
    (processes.words / "third" / "go").touch()
    assert processes.await_end(third).status == Status.SUCCESSFUL


def test_a_command_may_wait_for_a_task_that_it_launches(processes):
    first = processes.await_end(processes.launch("launch_another_and_wait"))
    assert first.status == Status.SUCCESSFUL, describe(first)
    second = TaskState.objects.get(pk=processes.await_word("launched"))
    assert second.status == Status.SUCCESSFUL


def test_a_task_that_a_process_of_a_command_launches_outlives_the_command(processes):
    (processes.words / "other").mkdir()
    first = processes.await_end(processes.launch("launch_from_a_process"))
    assert first.status == Status.SUCCESSFUL, describe(first)
    second = TaskState.objects.get(pk=processes.await_word("launched"))
    eventually((processes.words / "other" / "started").exists)
    (processes.words / "other" / "go").touch()
    assert processes.await_end(second).status == Status.SUCCESSFUL
