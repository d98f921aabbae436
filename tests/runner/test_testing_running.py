"""A task that runs inline: what it finds, and that it ends as in a process of its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone, translation

from brokerless import FinalError, current_task, launch, track
from brokerless.exceptions import BrokerlessError, TaskCancelled
from brokerless.models import TaskState
from brokerless.signals import task_finished, task_launched, task_started
from brokerless.testing import inline_tasks, run_due_tasks
from tests.eventually import eventually
from tests.runner.doing import cancel_oneself, fail_with

Status = TaskState.Status


def test_a_launched_task_has_ended_when_launch_returns(inline):
    task = launch("probe", arguments=["succeed"])
    assert (task.status, task.result, task.exit_code) == (
        Status.SUCCESSFUL,
        {"answer": 42, "download": "/somewhere/"},
        0,
    )
    assert (task.attempt, task.lease, task.unique_key) == (1, 1, None)
    assert task.created_at <= task.started_at <= task.finished_at
    assert inline.launched == [task]


@pytest.mark.parametrize(
    ("action", "value", "kind", "title", "code", "has_detail"),
    [
        ("raise_command_error", None, "CommandError", "The shelf is empty.", 4, False),
        ("raise_value_error", None, "ValueError", "The shelf\N{REPLACEMENT CHARACTER} is ?mpty.", 1, True),
        ("sys_exit", "3", "SystemExit", "The command exited with code 3.", 3, False),
        ("sys_exit_with_text", "No paper.", "SystemExit", "No paper.", 1, False),
        ("result_that_is_no_json", None, "InvalidArguments", None, 1, False),
    ],
)
def test_a_failure_has_the_fields_of_a_real_one(inline, action, value, kind, title, code, has_detail):
    task = launch("probe", arguments=[action, *([] if value is None else [value])])
    assert (task.status, task.error_type, task.exit_code, task.exit_signal) == (Status.FAILED, kind, code, None)
    assert title in (None, task.error_title)
    assert task.error_detail.startswith("Traceback") is has_detail


@pytest.mark.system
@pytest.mark.parametrize("action", ["succeed", "raise_value_error", "raise_command_error", "fail_in_tracking"])
def test_it_ends_as_in_a_process_of_its_own(processes, action):
    def fields(task):
        names = [
            "status",
            "result",
            "error_type",
            "error_class",
            "error_title",
            "errors",
            "exit_code",
            "exit_signal",
        ]
        names += ["attempt", "lease"] + [f"progress_{name}" for name in ("current", "total", "unit", "message")]
        return {name: getattr(task, name) for name in names}

    real = processes.await_end(processes.launch(action))
    eventually(lambda: not processes.living(), why="its monitor starts nothing any more")
    with inline_tasks():
        inline = processes.launch(action)
    assert fields(inline) == fields(real)
    assert inline.error_detail.splitlines()[-1:] == real.error_detail.splitlines()[-1:]


def test_sys_exit_0_is_a_success(inline):
    assert launch("probe", arguments=["sys_exit", "0"]).status == Status.SUCCESSFUL


def test_what_a_failed_command_has_made_is_kept(inline):
    assert launch("probe", arguments=["raise_value_error"]).result == {"made": 1}


def test_an_error_can_be_raised_once_the_row_is_written(db, do):
    with inline_tasks(raise_errors=True) as inline, pytest.raises(ValueError, match="of the command"):
        do(fail_with(ValueError("of the command")))
    assert [task.status for task in TaskState.objects.all()] == [Status.FAILED]
    assert [task.status for task in inline.launched] == [Status.FAILED]


def test_raising_errors_raises_nothing_for_a_task_that_ends_well_or_is_cancelled(db, do):
    with inline_tasks(raise_errors=True):
        assert launch("probe", arguments=["succeed"]).status == Status.SUCCESSFUL
        assert do(cancel_oneself).status == Status.CANCELLED


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_what_is_for_the_test_reaches_it(db, do, error):
    with inline_tasks(), pytest.raises(error):
        do(fail_with(error()))
    assert TaskState.objects.get().status == Status.FAILED


def test_pytest_s_own_verdicts_reach_the_test(db, do):
    with inline_tasks(), pytest.raises(pytest.fail.Exception):
        do(lambda: pytest.fail("in the command"))


def test_a_failed_attempt_is_tried_again_at_once(inline, do):
    found = []

    def fail_twice():
        found.append(current_task().state.attempt)
        if len(found) < 3:
            raise ValueError(f"attempt {len(found)}")

    task = do(fail_twice, max_attempts=5)
    assert found == [1, 2, 3]
    assert (task.status, task.attempt, task.lease) == (Status.SUCCESSFUL, 3, 3)
    assert [(error["attempt"], error["title"]) for error in task.errors] == [(1, "attempt 1"), (2, "attempt 2")]


def test_attempts_come_to_an_end(inline, do):
    task = do(fail_with(ValueError("always")), max_attempts=3)
    assert (task.status, task.attempt, len(task.errors)) == (Status.FAILED, 3, 2)


def test_a_final_error_is_not_tried_again(inline, do):
    task = do(fail_with(FinalError("never")), max_attempts=3)
    assert (task.status, task.attempt) == (Status.FAILED, 1)


def test_a_finished_task_can_be_retried(inline):
    task = launch("probe", arguments=["sys_exit", "3"])
    again = task.retry()
    again.refresh_from_db()
    assert (again.retry_of_id, again.status) == (task.pk, Status.FAILED)
    assert [found.pk for found in inline.launched] == [task.pk, again.pk]


def test_a_task_that_is_cancelled_stops_where_it_says_how_far_it_is(inline, do):
    seen = []

    def work():
        try:
            for number in track(range(10)):
                seen.append(number)
                if number == 2:
                    assert current_task().state.cancel()
        except TaskCancelled:
            seen.append("cleaned")
            raise

    task = do(work)
    assert (task.status, task.error_title) == (Status.CANCELLED, "")
    assert seen == [0, 1, 2, "cleaned"]
    assert task.progress_current == 2


def test_a_task_that_is_cancelled_stops_before_an_effect(inline, do):
    def work():
        current_task().state.cancel()
        current_task().renew_lease()

    assert do(work).status == Status.CANCELLED


def test_a_task_that_returns_after_it_was_cancelled_is_successful(inline, do):
    assert do(lambda: current_task().state.cancel()).status == Status.SUCCESSFUL


def test_a_failure_after_a_cancel_is_the_stopping(inline, do):
    def work():
        current_task().state.cancel()
        raise ValueError

    assert do(work, max_attempts=3).status == Status.CANCELLED


def test_task_cancelled_that_nobody_asked_for_is_a_failure(inline, do):
    task = do(fail_with(TaskCancelled()))
    assert (task.status, task.error_type) == (Status.FAILED, "TaskCancelled")


def test_the_command_finds_the_request_s_context(inline, do, django_user_model, rf):
    ann = django_user_model.objects.create(username="ann")
    request = rf.get("/books/?page=2")
    request.user = ann
    found = {}

    def look():
        task = current_task()
        found.update(
            language=translation.get_language(),
            zone=timezone.get_current_timezone_name(),
            url=task.context.build_absolute_uri(),
            user=task.context.user,
            owner=task.owner_id,
            status=task.state.status,
        )

    with translation.override("de"), timezone.override("Asia/Tokyo"):
        do(look, request=request)
    assert found == {
        "language": "de",
        "zone": "Asia/Tokyo",
        "url": "http://127.0.0.1:8000/books/?page=2",
        "user": ann,
        "owner": str(ann.pk),
        "status": Status.RUNNING,
    }


def test_what_the_context_changes_is_as_before_afterwards(inline, do):
    with translation.override("de"):
        task = launch("probe", arguments=["succeed"], run_after=timezone.now() + timedelta(hours=1))
    run_due_tasks(at=task.run_after)
    assert translation.get_language() == "en"
    assert current_task() is None


def test_progress_is_on_the_row(inline, do):
    def work():
        for _ in track(range(3), unit="books", message="Reading"):
            pass

    task = do(work)
    assert (task.progress_current, task.progress_total) == (3, 3)
    assert (task.progress_unit, task.progress_message) == ("books", "Reading")


def test_arguments_are_what_json_makes_of_them(inline, monkeypatch):
    seen = []
    monkeypatch.setattr("tests.probes.endings.noted", lambda *found: seen.append(found), raising=False)
    launch("probe", arguments=["noted", 5, True], options={"directory": "/somewhere"})
    assert seen == [(Path("/somewhere"), "5", "true")]


def test_a_task_can_launch_another_which_runs_within_it(inline, do):
    events = []

    def inner():
        events.append(("inner", str(current_task().id)))

    def outer():
        task = current_task()
        do.replace(inner)
        events.append(("launched", str(launch("probe", arguments=["done_by_the_test"]).pk)))
        assert current_task() is task

    task = do(outer)
    first, second = inline.launched
    assert (first, task.status, second.status) == (task, Status.SUCCESSFUL, Status.SUCCESSFUL)
    assert events == [("inner", str(second.pk)), ("launched", str(second.pk))]


def test_a_unique_key_is_held_as_long_as_the_task_runs(inline, do):
    joined = []
    task = do(lambda: joined.append(launch("probe", arguments=["succeed"], unique_key="key")), unique_key="key")
    assert [(found.pk, found.is_joined) for found in joined] == [(task.pk, True)]
    assert not launch("probe", arguments=["succeed"], unique_key="key").is_joined
    assert len(inline.launched) == 2


def test_waiting_for_a_task_returns_at_once(inline):
    task = launch("probe", arguments=["succeed"])
    assert task.wait(timeout=5) is task


def test_waiting_for_what_nobody_starts_is_refused(db):
    with inline_tasks(run=False):
        task = launch("probe", arguments=["succeed"])
        with pytest.raises(BrokerlessError, match="run_due_tasks"):
            task.wait()


def test_listeners_are_told_in_order_and_at_once(inline, do):
    told = []
    noting = {
        signal: _noting(told, name)
        for name, signal in (("launched", task_launched), ("started", task_started), ("finished", task_finished))
    }
    for signal, note in noting.items():
        signal.connect(note)
    try:
        do(lambda: told.append("command"))
        do(fail_with(ValueError()), max_attempts=2)
    finally:
        for signal, note in noting.items():
            signal.disconnect(note)
    assert told == [
        *(("launched", "READY", 0), ("started", "RUNNING", 1), "command", ("finished", "SUCCESSFUL", 1)),
        *(
            ("launched", "READY", 0),
            ("started", "RUNNING", 1),
            ("started", "RUNNING", 2),
            ("finished", "FAILED", 2),
        ),
    ]


def _noting(told, name):
    return lambda task, **_: told.append((name, str(task.status), task.attempt))
