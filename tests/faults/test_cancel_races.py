"""A cancel that arrives as the command begins, or ends: one honest status, written once."""

from __future__ import annotations

import time

import pytest

from brokerless.models import TaskState
from tests.faults.evidence import assert_nothing_is_left
from tests.real_processes import describe

Status = TaskState.Status
ROUNDS = 20


class Edge:
    """How long to wait so that either may come first; each round brings it nearer to where that changes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._step = 0.08
        self._direction = 0

    def move(self, direction: int) -> None:
        """Wait longer the next time (1), or less (-1)."""
        if self._direction == -direction:
            self._step = max(0.005, self._step / 2)
        self._direction = direction
        self.seconds = max(0.0, self.seconds + direction * self._step)

    def wait(self) -> None:
        time.sleep(self.seconds)


@pytest.fixture(params=["sqlite", "postgres"])
def processes_on(request, transactional_db):
    """Return the processes, on each database."""
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    return request.getfixturevalue("processes")


@pytest.fixture
def ann(processes_on, django_user_model):
    return django_user_model.objects.create_user("ann")


def test_as_the_command_ends(processes_on, ann):
    edge = Edge()
    for number in range(ROUNDS):
        task = launch_in_its_own_place(processes_on, number)
        processes_on.await_word(f"{number}/started", task)
        was_asked = cancel(processes_on, task, ann)
        edge.wait()
        processes_on.say(f"{number}/go")
        ended = judge(processes_on, task, number, was_asked, ann)
        edge.move(1 if ended == Status.SUCCESSFUL else -1)


def test_as_the_end_is_written(processes, django_user_model):
    """The command has returned; a request that comes too late is told so, or kept beside the success."""
    ann = django_user_model.objects.create_user("ann")
    edge = Edge()
    for number in range(ROUNDS // 2):
        task = launch_in_its_own_place(processes, number)
        processes.say(f"{number}/go")
        processes.await_word(f"{number}/returned", task)
        edge.wait()
        was_asked = cancel(processes, task, ann)
        judge(processes, task, number, was_asked, ann)
        edge.move(1 if was_asked else -1)


def launch_in_its_own_place(processes, number):
    """Launch a probe that says when it returns."""
    directory = processes.words / str(number)
    directory.mkdir()
    return processes.launch("say_that_it_returns", options={"directory": str(directory)})


def cancel(processes, task, ann):
    """Ask for the task to stop and return whether it could be asked; a refusal must be true when it is said."""
    now = processes.read(task)
    was_asked = now.cancel(by=ann)
    assert was_asked or now.is_finished
    return was_asked


def judge(processes, task, number, was_asked, ann):
    """Assert that what was said of the request, and of the end, is true, and that it is said once."""
    ended = processes.await_end(task, look=False)
    assert ended.status in {Status.SUCCESSFUL, Status.CANCELLED}, describe(ended)
    assert was_asked == (ended.cancel_requested_at is not None)
    assert ended.cancel_requested_by == (ann if was_asked else None)
    if ended.status == Status.SUCCESSFUL:
        assert processes.has_heard(f"{number}/returned"), "it is a success only if the command returned"
    else:
        assert was_asked
        assert ended.cancel_requested_at <= ended.finished_at
    assert_nothing_is_left(processes, ended)
    after = processes.read(task)
    assert (after.version, after.finished_at, after.status) == (ended.version, ended.finished_at, ended.status)
    return ended.status
