"""The final status, also when the database is away."""

from __future__ import annotations

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
    assert transitions.request_cancel(task.pk, by=None) == Status.RUNNING
    assert finish(task.pk, 1, outcome, progress={})
    task.refresh_from_db()
    assert (task.status, task.error_type, task.exit_code) == (status, "", outcome.exit_code)


def test_a_failure_that_somebody_else_has_judged_already_is_not_written(task):
    TaskState.objects.update(status=Status.LOST)
    assert not finish(task.pk, 1, Outcome(Status.FAILED, error_type="ValueError"), progress={})
    task.refresh_from_db()
    assert task.status == Status.LOST


@pytest.fixture
def database_is_away(monkeypatch):
    """Have the next so many finishes fail with an error of the database."""
    monkeypatch.setattr(module, "PAUSE", 0.001)
    real = transitions.finish

    def be_away(errors, patience=30.0):
        monkeypatch.setattr(module, "PATIENCE", patience)

        def fail(*arguments, **keywords):
            if errors:
                raise errors.pop()
            return real(*arguments, **keywords)

        monkeypatch.setattr(transitions, "finish", fail)

    yield be_away
    monkeypatch.setattr(transitions, "finish", real)


def noted_file(task, tmp_path):
    path = tmp_path / "half"
    TaskFiles(task.pk, 1).note_temporary(path)
    path.touch()
    return path


def test_temporary_files_are_removed_with_the_end(task, tmp_path):
    path = noted_file(task, tmp_path)
    assert finish(task.pk, 1, DONE, progress={"progress_current": 5})
    task.refresh_from_db()
    assert (task.status, task.progress_current) == (Status.SUCCESSFUL, 5)
    assert not path.exists()


def test_whoever_comes_second_changes_and_removes_nothing(task, tmp_path):
    TaskState.objects.update(status=Status.LOST)
    path = noted_file(task, tmp_path)
    assert not finish(task.pk, 1, DONE, progress={})
    assert TaskState.objects.get().status == Status.LOST
    assert path.exists()


@pytest.mark.parametrize(
    "error", [OperationalError("database is locked"), InterfaceError("connection already closed")]
)
def test_a_database_that_comes_back_gets_the_end(task, database_is_away, error):
    database_is_away([error, error])
    assert finish(task.pk, 1, DONE, progress={})
    assert TaskState.objects.get().status == Status.SUCCESSFUL


def test_a_database_that_stays_away_gets_the_end_from_whoever_looks_next(task, database_is_away, monkeypatch):
    database_is_away([OperationalError("gone")], patience=0.0)
    assert not finish(task.pk, 1, DONE, progress={})
    assert TaskState.objects.get().status == Status.RUNNING
    assert reap.look_at(TaskState.objects.get())
    found = TaskState.objects.get()
    assert (found.status, found.result) == (Status.SUCCESSFUL, [1])
