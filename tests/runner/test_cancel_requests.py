"""A request to cancel that is left in a file, as SQLite's lock kept it out of the row: it is never lost."""

from __future__ import annotations

import pytest

from brokerless import attempts, reap, transitions
from brokerless.attempts import settle
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process, host_name
from brokerless.runtime_dir import TaskFiles

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("runtime_dir")]

Status = TaskState.Status
NOBODY = Process(2**22 - 1, 1)  # above every pid that a default kernel gives
FAILED = Outcome(Status.FAILED, error_type="ValueError", exit_code=1)


@pytest.fixture
def task():
    """Return a task in the first of three attempts whose monitor is gone."""
    return TaskState.objects.create(
        command="probe",
        status=Status.RUNNING,
        lease=1,
        attempt=1,
        max_attempts=3,
        host=host_name(),
        monitor_pid=NOBODY.pid,
        monitor_start=NOBODY.start,
    )


def ask_by_file(task, user):
    TaskFiles(task.pk, task.lease).leave_cancel_request(by_id=user.pk)


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create(username="ann")


def test_a_monitor_that_was_killed_before_it_read_the_request_leaves_no_other_attempt(task, ann):
    ask_by_file(task, ann)
    assert reap.look_at(task)
    found = TaskState.objects.get()
    assert (found.status, found.cancel_requested_by) == (Status.LOST, ann)
    assert TaskFiles(task.pk, 1).read_cancel_request() is None


def test_an_end_that_was_kept_in_a_file_with_a_request_beside_it_is_the_stopping(task, ann):
    ask_by_file(task, ann)
    TaskFiles(task.pk, 1).store_finish(FAILED.stored())
    assert reap.look_at(task)
    found = TaskState.objects.get()
    assert (found.status, found.cancel_requested_by) == (Status.CANCELLED, ann)


def test_a_request_that_comes_while_another_attempt_is_being_written_cancels_that(task, ann, monkeypatch):
    try_again = transitions.try_again

    def ask_and_try_again(*arguments, **keywords):
        ask_by_file(task, ann)
        return try_again(*arguments, **keywords)

    monkeypatch.setattr(attempts.transitions, "try_again", ask_and_try_again)
    assert settle(task, FAILED) == Status.CANCELLED
    found = TaskState.objects.get()
    assert (found.status, found.cancel_requested_by) == (Status.CANCELLED, ann)


def test_without_a_request_there_is_another_attempt(task):
    assert settle(task, FAILED) == Status.READY
