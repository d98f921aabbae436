"""The final status, also when the database is away."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import InterfaceError, OperationalError

from brokerless import finish as module
from brokerless import reap, transitions
from brokerless.finish import finish
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import host_name
from brokerless.runtime_dir import TaskFiles

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runtime_dir")]

Status = TaskState.Status
DONE = Outcome(Status.SUCCESSFUL, result=[1], exit_code=0)


@pytest.fixture
def task():
    return TaskState.objects.create(
        command="probe", status=Status.RUNNING, lease=1, host=host_name(), monitor_pid=2**22 - 1, monitor_start=1
    )


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome(Status.FAILED, error_type="ValueError", error_title="no", exit_code=1), Status.CANCELLED),
        (DONE, Status.SUCCESSFUL),
    ],
)
def test_a_failure_after_a_request_to_stop_that_no_beat_has_seen_is_the_stopping(task, outcome, status):
    assert transitions.request_cancel(task.pk, by_id=None) == Status.RUNNING
    assert finish(task, outcome, measured={}) == status
    task.refresh_from_db()
    assert (task.status, task.error_type, task.exit_code) == (status, "", outcome.exit_code)


def test_a_failure_that_somebody_else_has_judged_already_is_not_written(task):
    TaskState.objects.update(status=Status.LOST)
    assert finish(task, Outcome(Status.FAILED, error_type="ValueError"), measured={}) is None
    task.refresh_from_db()
    assert task.status == Status.LOST


@pytest.fixture
def database_is_away(monkeypatch):
    """Have the next so many finishes fail with an error of the database."""
    monkeypatch.setattr(module, "PAUSE", 0.001)
    real = {name: getattr(transitions, name) for name in ("finish", "try_again")}

    def be_away(errors, patience=30.0):
        monkeypatch.setattr(module, "PATIENCE", patience)

        def fail(name, *arguments, **keywords):
            if errors:
                raise errors.pop()
            return real[name](*arguments, **keywords)

        for name in real:
            monkeypatch.setattr(transitions, name, partial(fail, name))

    yield be_away
    for name, function in real.items():
        monkeypatch.setattr(transitions, name, function)


def noted_file(task, tmp_path):
    path = tmp_path / "half"
    TaskFiles(task.pk, 1).note_temporary(path)
    path.touch()
    return path


def test_temporary_files_are_removed_with_the_end(task, tmp_path):
    path = noted_file(task, tmp_path)
    assert finish(task, DONE, measured={"progress_current": 5}) == Status.SUCCESSFUL
    task.refresh_from_db()
    assert (task.status, task.progress_current) == (Status.SUCCESSFUL, 5)
    assert not path.exists()


def test_whoever_comes_second_changes_nothing_of_the_row_and_removes_only_its_own_files(task, tmp_path):
    TaskState.objects.update(status=Status.LOST)
    before = TaskState.objects.values().get()
    own, other = noted_file(task, tmp_path), tmp_path / "of-the-next-attempt"
    other.touch()
    TaskFiles(task.pk, 2).note_temporary(other)
    assert finish(task, DONE, measured={}) is None
    assert TaskState.objects.values().get() == before
    assert not own.exists()
    assert other.exists()


@pytest.mark.parametrize(
    "error", [OperationalError("database is locked"), InterfaceError("connection already closed")]
)
def test_a_database_that_comes_back_gets_the_end(task, database_is_away, error):
    database_is_away([error, error])
    assert finish(task, DONE, measured={}) == Status.SUCCESSFUL
    assert TaskState.objects.get().status == Status.SUCCESSFUL


def test_a_database_that_stays_away_gets_the_end_from_whoever_looks_next(task, database_is_away, monkeypatch):
    database_is_away([OperationalError("gone")], patience=0.0)
    assert finish(task, DONE, measured={}) is None
    assert TaskState.objects.get().status == Status.RUNNING
    assert reap.look_at(TaskState.objects.get())
    found = TaskState.objects.get()
    assert (found.status, found.result) == (Status.SUCCESSFUL, [1])


def test_a_stored_failure_with_attempts_left_is_tried_again_by_whoever_looks_next(task, database_is_away):
    TaskState.objects.update(attempt=1, max_attempts=3)
    task.refresh_from_db()
    database_is_away([OperationalError("gone")], patience=0.0)
    assert finish(task, Outcome(Status.FAILED, error_type="ValueError", exit_code=1), measured={}) is None
    assert reap.look_at(TaskState.objects.get())
    found = TaskState.objects.get()
    assert (found.status, [error["type"] for error in found.errors]) == (Status.READY, ["ValueError"])
    assert TaskFiles(task.pk, 1).read_finish() is None


def test_a_final_failure_stays_final_when_it_is_stored(task, database_is_away):
    TaskState.objects.update(attempt=1, max_attempts=3)
    task.refresh_from_db()
    database_is_away([OperationalError("gone")], patience=0.0)
    final = Outcome(Status.FAILED, error_type="FinalError", exit_code=1, is_final=True)
    assert finish(task, final, measured={}) is None
    assert reap.look_at(TaskState.objects.get())
    found = TaskState.objects.get()
    assert (found.status, found.error_type, found.errors) == (Status.FAILED, "FinalError", [])


def test_a_request_that_was_left_in_a_file_is_noted_with_who_asked(task, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    TaskFiles(task.pk, 1).leave_cancel_request(by_id=ann.pk)
    failed = Outcome(Status.FAILED, error_type="TaskCancelled", exit_code=143)
    assert finish(task, failed, measured={}) == Status.CANCELLED
    found = TaskState.objects.get()
    assert (found.status, found.cancel_requested_by, found.exit_code) == (Status.CANCELLED, ann, 143)
    assert found.cancel_requested_at
    assert TaskFiles(task.pk, 1).read_cancel_request() is None
