"""Retrying finished tasks by hand: `manage.py tasks retry`, and `task.retry()`."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from brokerless.exceptions import BrokerlessError, InvalidArguments, TooManyTasks, UnknownCommand, UnknownQueue
from brokerless.functions.framework import task_enqueued
from brokerless.models import TaskState
from tests.probes import functions
from tests.runner.tasks_command import UNKNOWN_ID, as_json, manage, refused, tasks

Status = TaskState.Status
# What a retry must not take over from the task, whatever comes to be.
OF_ONE_RUN = {
    *("id", "retry_of", "by_hand", "run_after", "unique_key", "status", "lease", "attempt", "claims_in_vain"),
    *("version", "host", "monitor_pid", "monitor_start", "command_pid", "command_start", "created_at"),
    *("claimed_at", "started_at", "heartbeat_at", "stale_since", "finished_at", "cancel_requested_at"),
    *("cancel_requested_by", "progress_current", "progress_total", "progress_unit", "progress_message"),
    *("progress_rate", "result", "error_type", "error_class", "error_title", "error_detail", "exit_code"),
    *("exit_signal", "errors", "notified_at", "cpu_seconds", "peak_memory"),
    *("notices", "notices_count", "notices_shown", "end_shown_at"),
}
KEPT = {
    *("command", "title", "arguments", "options", "context", "owner", "queue", "priority", "timeout"),
    *("memory_limit", "nice", "max_attempts"),
}


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create(username="ann")


@pytest.fixture
def recorded(db, dispatched, use_launcher):
    """Have nothing be started; return the function that records a task that has failed."""
    use_launcher(queues={"slow": {}})

    def record(**fields):
        return TaskState.objects.create(
            **{"command": "options_probe", "arguments": ["x"], "status": Status.FAILED, **fields}
        )

    return record


def is_as_new(task, name):
    return getattr(task, name) == TaskState._meta.get_field(name).get_default()


def test_every_field_is_either_kept_or_of_one_run():
    assert {field.name for field in TaskState._meta.concrete_fields} == OF_ONE_RUN | KEPT


def test_a_retry_is_a_new_task_that_does_the_same(recorded, ann):
    now = timezone.now()
    task = recorded(
        title="Nightly",
        options={"count": 5},
        context={"language": "de", "user_id": str(ann.pk)},
        owner=ann,
        queue="slow",
        priority=7,
        timeout=9.5,
        memory_limit=1_000_000,
        nice=3,
        max_attempts=2,
        by_hand=True,
        run_after=now,
        lease=2,
        attempt=2,
        claims_in_vain=1,
        version=9,
        host="h",
        monitor_pid=1,
        monitor_start=1,
        command_pid=2,
        command_start=2,
        claimed_at=now,
        started_at=now,
        heartbeat_at=now,
        stale_since=now,
        finished_at=now,
        cancel_requested_at=now,
        cancel_requested_by=ann,
        progress_current=1,
        progress_total=2,
        progress_unit="books",
        progress_message="Stage",
        progress_rate=1.5,
        result={"made": 1},
        error_type="ValueError",
        error_class="builtins.ValueError",
        error_title="no",
        error_detail="Traceback",
        exit_code=1,
        exit_signal=9,
        errors=[{"attempt": 1}],
        notified_at=now,
        cpu_seconds=1.0,
        peak_memory=5,
    )
    again = TaskState.objects.get(pk=task.retry(by=ann).pk)
    assert {name: getattr(again, name) for name in KEPT} == {name: getattr(task, name) for name in KEPT}
    assert again.retry_of == task
    assert again.pk != task.pk
    kept_by_mistake = [
        name for name in OF_ONE_RUN - {"id", "retry_of", "created_at"} if not is_as_new(again, name)
    ]
    assert kept_by_mistake == []
    task.refresh_from_db()
    assert (task.status, task.version) == (Status.FAILED, 9), "the old row is as it was"


@pytest.mark.django_db(transaction=True)
def test_a_retry_is_dispatched_after_the_commit(dispatched):
    task = TaskState.objects.create(command="options_probe", arguments=["x"], status=Status.LOST)
    task.retry()
    assert dispatched == [2]
    async_to_sync(task.aretry)()
    assert dispatched == [2, 3]


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_whatever_is_finished_can_be_retried_and_a_retry_too(recorded, status):
    task = recorded(status=status)
    again = task.retry()
    TaskState.objects.filter(pk=again.pk).update(status=status)
    assert again.retry().retry_of == again


@pytest.mark.parametrize("status", sorted(TaskState.UNFINISHED))
def test_what_is_not_finished_cannot_be_retried(recorded, status):
    task = recorded()
    TaskState.objects.update(status=status)  # which the instance does not know
    with pytest.raises(BrokerlessError, match=f"is {status}: only a finished task can be retried"):
        task.retry()
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "error", "sentence"),
    [
        ({"command": "gone"}, UnknownCommand, "There is no management command 'gone'"),
        ({"options": {"colour": "green"}}, InvalidArguments, "invalid choice: 'green'"),
        ({"options": {"gone": 1}}, InvalidArguments, "There is no option 'gone'"),
        ({"arguments": []}, InvalidArguments, "required: first"),
        ({"queue": "gone"}, UnknownQueue, "There is no queue 'gone'"),
        (
            {"command": "call_task", "arguments": ["tests.probes.functions.gone"]},
            InvalidArguments,
            "The task function tests.probes.functions.gone cannot be imported",
        ),
        (
            {"command": "call_task", "arguments": ["tests.probes.functions.leave_word"]},
            InvalidArguments,
            "tests.probes.functions.leave_word is no function that @task has made",
        ),
        (
            {
                "command": "call_task",
                "arguments": ["tests.probes.functions.add"],
                "options": {"arguments": [1], "backend": "gone"},
            },
            InvalidArguments,
            "The task function tests.probes.functions.add cannot be enqueued as it was",
        ),
    ],
)
def test_what_the_code_of_today_does_not_take_is_refused_in_plain_words(recorded, fields, error, sentence):
    task = recorded(**fields)
    with pytest.raises(error, match=sentence):
        task.retry()
    code, said = refused("retry", task.pk)
    assert code == 1
    assert sentence in said
    assert len(said.splitlines()) == 1
    assert TaskState.objects.count() == 1


def test_a_task_that_is_gone_cannot_be_retried(recorded):
    task = recorded()
    TaskState.objects.filter(pk=task.pk).delete()
    with pytest.raises(BrokerlessError, match="has been removed"):
        task.retry()


def test_the_owners_limit_counts(recorded, ann, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}
    task = recorded(owner=ann)
    task.retry()
    with pytest.raises(TooManyTasks):
        task.retry()
    assert refused("retry", task.pk)[0] == 1
    assert recorded().retry().owner is None


def test_a_functions_task_is_retried_and_the_framework_is_told(recorded):
    calls = []

    def listener(sender, task_result, **_):
        calls.append(task_result)

    result = functions.add.using(priority=3).enqueue(20, second=22)
    TaskState.objects.update(status=Status.FAILED)
    task_enqueued.connect(listener)
    try:
        again = TaskState.objects.get(pk=result.id).retry()
    finally:
        task_enqueued.disconnect(listener)
    (told,) = calls
    assert (told.id, told.args, told.kwargs) == (str(again.pk), [20], {"second": 22})
    assert (told.task.module_path, told.task.priority) == ("tests.probes.functions.add", 3)
    old = again.retry_of
    assert (again.command, again.arguments, again.options) == (old.command, old.arguments, old.options)
    assert (again.title, again.priority) == ("Add", 3)


def test_the_moment_of_a_deferred_call_is_not_waited_for_again(recorded):
    result = functions.add.using(run_after=timezone.now() + timedelta(days=1)).enqueue(1)
    TaskState.objects.update(status=Status.CANCELLED)
    assert TaskState.objects.get(pk=result.id).retry().run_after is None


def test_the_new_ids_are_printed(recorded):
    first, second = recorded(), recorded()
    printed, mentioned = tasks("retry", str(first.pk)[:13], second.pk, second.pk)
    retries = [TaskState.objects.get(retry_of=task) for task in (first, second)]
    assert printed == "".join(f"{task.pk}\n" for task in retries)
    assert mentioned == "".join(f"options_probe {task.pk} retries {task.retry_of_id}.\n" for task in retries)
    assert tasks("retry", first.pk, verbosity=0) == ("", "")


def test_the_new_tasks_are_printed_as_json(recorded):
    task = recorded()
    (printed,) = as_json("retry", task.pk)
    assert (printed["retry_of"], printed["status"]) == (str(task.pk), "READY")


def test_one_that_cannot_be_retried_keeps_no_other_from_it(recorded):
    failed, waiting = recorded(), recorded(status=Status.READY)
    code, said = refused("retry", waiting.pk, UNKNOWN_ID, failed.pk)
    assert code == 1
    assert f"The task {waiting.pk} is READY: only a finished task can be retried." in said
    assert f"There is no task {UNKNOWN_ID}" in said
    assert TaskState.objects.filter(retry_of=failed).count() == 1


def test_a_reason_that_repeats_what_a_user_passed_is_not_obeyed_by_the_terminal(recorded):
    task = recorded(command="generate_books", arguments=[5, "\033[8m\nmore"])
    said = refused("retry", task.pk)[1]
    assert said == "generate_books: unrecognized arguments: \N{REPLACEMENT CHARACTER}[8m more"


def test_in_an_empty_database_there_is_nothing_to_retry(recorded):
    assert refused("retry", UNKNOWN_ID)[0] == 1
    assert "ID" in refused("retry")[1]


@pytest.mark.system
def test_what_failed_is_retried_in_a_process_and_succeeds(processes):
    task = processes.launch("fail_before_attempt", 1)
    failed = processes.launch("sys_exit", 3)
    assert processes.await_end(failed).status == Status.FAILED
    processes.await_end(task)
    retrying = manage("retry", failed.pk, task.pk)
    printed, mentioned = retrying.communicate(timeout=60)
    assert retrying.returncode == 0, mentioned
    first, second = (TaskState.objects.get(pk=pk) for pk in printed.split())
    assert (processes.await_end(first).exit_code, first.retry_of) == (3, failed)
    assert processes.await_end(second).status == processes.read(task).status
