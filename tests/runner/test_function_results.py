"""From a row to the framework's result: statuses, attempts, and errors that say which."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from brokerless import outcome
from brokerless.exceptions import TaskCancelled
from brokerless.failures import FAILURES, KilledBySignal, TaskFailure, TaskLost
from brokerless.functions.framework import TaskResultDoesNotExist, TaskResultStatus, task_backends
from brokerless.models import TaskState
from tests.probes import functions

Status = TaskState.Status

pytestmark = pytest.mark.django_db


def make(status=Status.READY, *, function="add", **fields):
    path = f"tests.probes.functions.{function}"
    options = {"arguments": [1], "keywords": {"second": 2}}
    own = {"command": "call_task", "arguments": [path], "options": options, "status": status}
    return TaskState.objects.create(**own | fields)


def make_ended(status, outcome, **fields):
    now = timezone.now()
    own = {"host": "books-1/boot/7", "monitor_pid": 41, "attempt": 1, "started_at": now, "finished_at": now}
    values = outcome.fields()
    del values["status"]
    return make(status, **own | values | fields)


def found(row):
    return task_backends["default"].get_result(str(row.pk))


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (Status.READY, TaskResultStatus.READY),
        (Status.STARTING, TaskResultStatus.READY),
        (Status.RUNNING, TaskResultStatus.RUNNING),
        (Status.SUCCESSFUL, TaskResultStatus.SUCCESSFUL),
        (Status.FAILED, TaskResultStatus.FAILED),
        (Status.CANCELLED, TaskResultStatus.FAILED),
        (Status.LOST, TaskResultStatus.FAILED),
    ],
)
def test_seven_statuses_are_read_as_four(status, shown):
    assert found(make(status)).status == shown


def test_every_status_is_one_of_these():
    for status in Status:
        assert found(make(status)).status in TaskResultStatus


def test_the_result_of_a_success():
    now = timezone.now()
    row = make(
        Status.SUCCESSFUL, result=[3], attempt=1, host="books-1/boot/7", monitor_pid=41, started_at=now,
        finished_at=now + timedelta(seconds=1),
    )  # fmt: skip
    result = found(row)
    assert (result.return_value, result.errors, result.is_finished) == ([3], [], True)
    assert (result.worker_ids, result.attempts) == (["books-1/41"], 1)
    assert (result.enqueued_at, result.started_at, result.last_attempted_at) == (row.created_at, now, now)
    assert result.finished_at == now + timedelta(seconds=1)
    assert (result.task, result.args, result.kwargs) == (functions.add, [1], {"second": 2})


def test_what_a_failed_function_left_is_no_return_value():
    result = found(make(Status.FAILED, result={"download": "/files/1"}))
    assert result._return_value is None
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


def test_a_result_is_brought_up_to_date():
    row = make()
    result = found(row)
    TaskState.objects.filter(pk=row.pk).update(status=Status.SUCCESSFUL, result=7)
    assert not result.is_finished
    result.refresh()
    assert result.return_value == 7


def test_each_attempt_leaves_its_worker_and_its_error():
    first, second = timezone.now() - timedelta(minutes=2), timezone.now()
    entry = {
        "attempt": 1, "worker": "books-1/40", "run_after": None, "started_at": first.isoformat(),
        "type": "ValueError", "class": "builtins.ValueError", "title": "no good",
        "detail": "Traceback …\nValueError: no good\n",
    }  # fmt: skip
    raised = outcome.Outcome(
        Status.FAILED, error_type="KeyError", error_class="builtins.KeyError", error_detail="why"
    )
    result = found(make_ended(Status.FAILED, raised, errors=[entry], attempt=2, started_at=second))
    assert (result.worker_ids, result.attempts) == (["books-1/40", "books-1/41"], 2)
    assert (result.started_at, result.last_attempted_at) == (first, second)
    assert [(error.exception_class, error.traceback) for error in result.errors] == [
        (ValueError, "Traceback …\nValueError: no good\n"),
        (KeyError, "why"),
    ]
    waiting = found(make(errors=[entry], attempt=1))
    assert (waiting.status, waiting.attempts, len(waiting.errors)) == (TaskResultStatus.READY, 1, 1)
    assert (waiting.started_at, waiting.last_attempted_at) == (first, first)


def test_the_task_of_a_result_waits_for_the_moment_that_was_asked_for_and_not_for_the_pause():
    moment, pause_ends = timezone.now() - timedelta(hours=1), timezone.now() + timedelta(minutes=1)
    entry = {"attempt": 1, "type": "ValueError", "title": "no good", "detail": ""}
    for wish in (None, moment):
        first = entry | {"run_after": wish.isoformat() if wish else None}
        result = found(make(errors=[first, entry], attempt=2, run_after=pause_ends))
        assert result.task.run_after == wish
    assert found(make(run_after=moment)).task.run_after == moment


def test_a_task_that_never_ran_has_no_attempt():
    result = found(make(Status.CANCELLED, finished_at=timezone.now()))
    assert (result.attempts, result.started_at) == (0, None)


def test_cancelled_and_lost_are_told_apart():
    (cancelled,) = found(make_ended(Status.CANCELLED, outcome.cancelled())).errors
    (lost,) = found(make_ended(Status.LOST, outcome.lost(-9, "the end of the log"))).errors
    assert (cancelled.exception_class, lost.exception_class) == (TaskCancelled, TaskLost)
    assert cancelled.traceback == "brokerless.exceptions.TaskCancelled: The task was cancelled.\n"
    assert "killed by signal 9 (SIGKILL)" in lost.traceback
    assert lost.traceback.endswith("the end of the log")


def test_a_kill_is_told_with_its_signal():
    killed = outcome.of_command(9, None, stop=None, log_tail="last words")
    (error,) = found(make_ended(Status.FAILED, killed)).errors
    assert error.exception_class is KilledBySignal
    assert error.traceback == (
        "brokerless.failures.KilledBySignal: The command was killed by signal 9 (SIGKILL).\nlast words"
    )


def test_a_sites_own_exception_is_never_taken_for_one_of_ours():
    own = outcome.Outcome(Status.FAILED, error_type="TaskCancelled", error_class="shop.errors.TaskCancelled")
    (error,) = found(make_ended(Status.FAILED, own)).errors
    assert error.exception_class_path == "shop.errors.TaskCancelled"


def test_every_way_to_fail_has_a_class():
    text = Path(outcome.__file__).read_text()
    kinds = set(re.findall(r'(?:_failed\(|error_type=)"([a-z-]+)"', text))
    assert len(kinds) > 8
    assert kinds <= set(FAILURES)
    assert all(issubclass(each, TaskFailure) and each.__doc__ for each in FAILURES.values())


@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_the_class_can_be_had_from_the_result(kind):
    row = make_ended(Status.FAILED, outcome.Outcome(Status.FAILED, error_type=kind, error_title="why"))
    (error,) = found(row).errors
    assert error.exception_class is FAILURES[kind]


def test_an_error_that_an_older_release_recorded_is_told():
    (error,) = found(make_ended(Status.FAILED, outcome.Outcome(Status.FAILED, error_type="ValueError"))).errors
    assert error.exception_class is TaskFailure


@pytest.mark.parametrize("result_id", ["123", "", None, 7, str(uuid.uuid4())])
def test_a_result_that_does_not_exist(result_id):
    with pytest.raises(TaskResultDoesNotExist, match=f"^{result_id}$"):
        task_backends["default"].get_result(result_id)


def test_the_task_of_a_command_is_no_result():
    row = TaskState.objects.create(command="probe")
    with pytest.raises(TaskResultDoesNotExist):
        found(row)


@pytest.mark.parametrize(
    "path", ["tests.probes.functions.no_such", "no.such.module", "tests.probes.functions.leave_word"]
)
def test_the_result_of_a_function_that_is_gone_does_not_exist(path):
    with pytest.raises(TaskResultDoesNotExist, match="its task is gone"):
        found(make(arguments=[path]))


def test_a_queue_that_is_gone_keeps_nobody_from_the_result(settings):
    result = found(make(Status.SUCCESSFUL, queue="gone", result=1))
    assert (result.return_value, result.task.queue_name) == (1, "default")
