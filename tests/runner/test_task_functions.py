"""Task functions in real processes: how they end, what they find, and that each runs once."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from brokerless import launch
from brokerless.exceptions import TaskCancelled
from brokerless.failures import KilledBySignal, MemoryLimitExceeded, NotStarted, TimeLimitExceeded
from brokerless.functions.framework import TaskResultStatus
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.probes import functions
from tests.real_processes import describe
from tests.runner.elsewhere import launch_elsewhere_at_once

pytestmark = pytest.mark.system

Status = TaskState.Status


def state_of(result):
    return TaskState.objects.get(pk=result.id)


def ended(processes, result, **keywords):
    """Wait for the end of a function and return its result and its row."""
    row = processes.await_end(state_of(result), **keywords)
    result.refresh()
    return result, row


def test_a_function_runs_and_its_result_can_be_read_anywhere(processes):
    result, row = ended(processes, functions.add.enqueue(20, second=22))
    assert (result.return_value, row.result, row.status) == (42, 42, Status.SUCCESSFUL), describe(row)
    assert (result.attempts, result.worker_ids) == (1, [row.worker])
    assert result.enqueued_at < result.started_at <= result.last_attempted_at <= result.finished_at
    code = (
        "import django; django.setup()\n"
        "from tests.probes.functions import add\n"
        f"print(add.get_result({result.id!r}).return_value)\n"
    )
    assert processes.run_python(code).strip() == "42"


def test_a_coroutine_runs(processes):
    result, row = ended(processes, functions.add_later.enqueue(1))
    assert result.return_value == 2, describe(row)


def test_a_function_finds_its_context_its_row_and_the_request(processes, rf, django_user_model):
    request = rf.get("/")
    request.user = django_user_model.objects.create(username="ann")
    row = processes.await_end(launch(functions.tell_context, request=request))
    told = row.result
    assert {told["id"], told["current"], told["row"]} == {str(row.pk)}
    assert (told["attempt"], told["status"], told["workers"]) == (1, "RUNNING", [row.worker])
    assert (told["user"], told["pid"]) == ("ann", row.command_pid)


def test_progress_is_seen_while_a_function_runs(processes):
    result = functions.count.enqueue(str(processes.words), 5)
    processes.await_word("counted", state_of(result))
    row = eventually(lambda: TaskState.objects.filter(pk=result.id, progress_current=4).first())
    assert (row.progress_total, row.progress_unit, row.progress_message) == (5, "steps", "Counting")
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.RUNNING, 1)


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "last_line", "exit_code"),
    [
        ("fail", ["no good"], ValueError, "ValueError: no good", 1),
        ("fail_plainly", ["no good"], None, "CommandError: no good", 1),
        ("leave", [], SystemExit, "SystemExit: None", 1),
        ("leave", [0], SystemExit, "SystemExit: 0", 1),
        ("leave", [3], SystemExit, "SystemExit: 3", 3),
        ("leave", ["enough"], SystemExit, "SystemExit: enough", 1),
        ("interrupt", [], KeyboardInterrupt, "KeyboardInterrupt: by itself", 1),
        ("return_what_is_no_json", ["function"], TypeError, "lists and dicts of these.", 1),
    ],
)
def test_an_exception_is_told_with_class_and_traceback(processes, name, arguments, kind, last_line, exit_code):
    result, row = ended(processes, getattr(functions, name).enqueue(*arguments))
    assert (result.status, row.status, row.exit_code) == (TaskResultStatus.FAILED, Status.FAILED, exit_code)
    (error,) = result.errors
    assert kind in {None, error.exception_class}
    assert error.traceback.startswith("Traceback (most recent call last):")
    assert error.traceback.endswith(f"{last_line}\n")


def test_a_kill_is_a_failure_with_the_signal_named(processes):
    result = functions.hang.enqueue(str(processes.words))
    pid = processes.await_word("started", state_of(result))
    processes.kill(int(pid))
    result, row = ended(processes, result, within=3, look=False)
    assert (row.status, row.exit_signal) == (Status.FAILED, signal.SIGKILL)
    (error,) = result.errors
    assert error.exception_class is KilledBySignal
    assert "The command was killed by signal 9 (SIGKILL)." in error.traceback


def test_sigterm_to_the_function_alone_is_a_failure_that_says_so(processes):
    result, row = ended(processes, functions.stop_oneself.enqueue())
    assert (row.status, result.errors[0].exception_class) == (Status.FAILED, KilledBySignal)


@pytest.mark.parametrize(
    "function",
    [functions.hang, functions.hang_in_a_coroutine, functions.hang_in_a_thread],
    ids=lambda each: each.name,
)
def test_a_running_function_is_cancelled_well_within_its_grace(processes, function):
    processes.configure(CANCEL_GRACE=15)
    result = function.enqueue(str(processes.words))
    processes.await_word("started", state_of(result))
    assert state_of(result).cancel()
    result, row = ended(processes, result, within=8)
    assert (row.status, row.exit_signal) == (Status.CANCELLED, None), describe(row)
    assert (result.status, result.errors[0].exception_class) == (TaskResultStatus.FAILED, TaskCancelled)
    assert processes.has_heard("cleaned") == (function is functions.hang_in_a_coroutine)


def cancel_in_a_query(processes):
    processes.configure(CANCEL_GRACE=15)
    result = functions.hang_in_a_query.enqueue(str(processes.words))
    processes.await_word("started", state_of(result))
    assert state_of(result).cancel()
    _result, row = ended(processes, result, within=8)
    assert (row.status, row.exit_signal) == (Status.CANCELLED, None), describe(row)


def test_a_coroutine_is_cancelled_while_sqlite_executes_a_statement_for_it(processes):
    cancel_in_a_query(processes)


def test_a_coroutines_statement_does_not_outlive_it_on_postgresql(postgres, processes):
    cancel_in_a_query(processes)
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(300%' "
            "and datname = current_database()"
        )
        assert cursor.fetchone() == (0,)


def test_limits_of_the_queue_apply(processes):
    processes.configure(QUEUES={"default": {"timeout": 1.5, "nice": 7}})
    result = functions.hang.enqueue(str(processes.words))
    pid = processes.await_word("started", state_of(result))
    assert os.getpriority(os.PRIO_PROCESS, int(pid)) == 7
    result, row = ended(processes, result)
    assert (row.error_type, result.errors[0].exception_class) == ("timed-out", TimeLimitExceeded)


def test_the_memory_limit_of_the_queue_applies(processes):
    processes.configure(QUEUES={"default": {"memory_limit": 10_000_000}})
    result, _row = ended(processes, functions.hang.enqueue(str(processes.words)))
    assert result.errors[0].exception_class is MemoryLimitExceeded


def test_attempts_of_the_queue_apply_and_each_is_told(processes):
    processes.configure(QUEUES={"default": {"max_attempts": 3}}, RETRY_PAUSE=0.2)
    result, row = ended(processes, functions.succeed_at_attempt.enqueue(3))
    assert (result.status, result.return_value, row.attempt) == (TaskResultStatus.SUCCESSFUL, 3, 3), describe(row)
    assert (result.attempts, len(set(result.worker_ids))) == (3, 3)
    assert [error.traceback.splitlines()[-1] for error in result.errors] == [
        "ValueError: attempt 1",
        "ValueError: attempt 2",
    ]
    assert result.started_at < result.last_attempted_at


def test_a_task_is_told_as_failed_once_and_not_after_each_attempt(processes):
    processes.configure(QUEUES={"default": {"max_attempts": 2}}, RETRY_PAUSE=0.2)
    _result, row = ended(processes, functions.fail.enqueue("no good"))
    first, second = (processes.log(row, lease=lease).decode() for lease in (1, 2))
    assert "attempt 1 of 2 failed; it is tried again\nTraceback" in first
    assert ("state=FAILED" in first, second.count("state=FAILED")) == (False, 1)


def test_a_final_error_is_not_tried_again(processes):
    processes.configure(QUEUES={"default": {"max_attempts": 3}}, RETRY_PAUSE=0.2)
    result, row = ended(processes, functions.fail_for_good.enqueue("no such book"))
    assert (row.attempt, row.error_type, len(result.errors)) == (1, "FinalError", 1)
    assert processes.log(row).decode().count("state=FAILED") == 1


def test_a_cancelled_function_is_told_as_failed_whatever_attempts_remain(processes):
    processes.configure(QUEUES={"default": {"max_attempts": 3}})
    result = functions.hang.enqueue(str(processes.words))
    processes.await_word("started", state_of(result))
    assert state_of(result).cancel()
    _result, row = ended(processes, result)
    log = processes.log(row).decode()
    assert (row.status, "state=FAILED" in log, "tried again" in log) == (Status.CANCELLED, True, False)


def test_a_coroutine_that_takes_no_notice_is_ended_by_the_next_signal(processes):
    processes.configure(CANCEL_GRACE=15)
    result = functions.take_no_notice.enqueue(str(processes.words))
    processes.await_word("started", state_of(result))
    assert state_of(result).cancel()
    _result, row = ended(processes, result, within=8)
    assert (row.status, row.exit_signal) == (Status.CANCELLED, None), describe(row)


def test_a_function_that_is_gone_by_then_fails_in_plain_words(processes):
    with transaction.atomic():
        result = functions.add.enqueue(1)
        TaskState.objects.filter(pk=result.id).update(arguments=["tests.probes.functions.gone"])
    row = processes.await_end(state_of(result))
    assert row.status == Status.FAILED
    assert "The task function tests.probes.functions.gone cannot be imported" in row.error_title


def test_a_process_that_cannot_start_is_told(processes):
    processes.configure(PYTHON="/no/such/python")
    result, _row = ended(processes, functions.add.enqueue(1))
    assert (result.errors[0].exception_class, result.attempts) == (NotStarted, 0)


def test_a_function_without_a_return_value_may_set_its_result(processes):
    first, second = functions.set_result.enqueue({"rows": 1}), functions.set_result.enqueue({"rows": 1}, [2])
    assert [ended(processes, each)[0].return_value for each in (first, second)] == [{"rows": 1}, [2]]


def test_a_function_may_enqueue_another(processes):
    result, row = ended(processes, functions.enqueue_another.enqueue(4))
    inner = functions.add.get_result(result.return_value)
    assert ended(processes, inner)[0].return_value == 5, describe(row)


def test_a_call_within_a_function_is_a_call_of_its_own(processes):
    result, row = ended(processes, functions.call_another.enqueue(7, 8))
    assert result.return_value == "300\n", describe(row)


def test_a_call_launched_by_its_commands_name_is_one_too(processes):
    row = launch("call_task", options={"path": "tests.probes.functions.add", "arguments": [1], "keywords": None})
    result = functions.add.get_result(str(row.pk))
    assert ended(processes, result)[0].return_value == 2


def test_a_rollback_leaves_no_row_and_no_process(processes):
    with transaction.atomic():
        functions.write_line.enqueue(str(processes.words / "lines"))
        transaction.set_rollback(True)
    result, row = ended(processes, functions.add.enqueue(1))
    assert (result.return_value, list(TaskState.objects.all())) == (2, [row])
    assert not (processes.words / "lines").exists()


def test_it_does_not_start_before_its_moment(processes):
    moment = timezone.now() + timedelta(seconds=1.5)
    result, _row = ended(processes, functions.add.using(run_after=moment).enqueue(1))
    assert result.started_at >= moment - timedelta(milliseconds=1)  # which SQLite's clock leaves out


@pytest.mark.parametrize("count", [32, pytest.param(100, marks=pytest.mark.proof)])
def test_all_that_four_processes_enqueue_at_once_run_once_each(processes, count):
    lines = processes.words / "lines"
    code = f"""
from tests.probes.functions import write_line
print(*[write_line.enqueue({str(lines)!r}).id for _ in range({count // 4})])
"""
    printed = launch_elsewhere_at_once(processes, 4, code, DJANGO_SETTINGS_MODULE="tests.probes.light_settings")
    enqueued = set(" ".join(printed).split())
    assert len(enqueued) == count

    # Nobody polls or ticks: what ends starts the next.
    unfinished = TaskState.objects.unfinished()
    eventually(lambda: not unfinished.exists(), within=120, why="all of them have ended")
    assert Counter(TaskState.objects.values_list("status", flat=True)) == {Status.SUCCESSFUL: count}
    assert Counter(lines.read_text().split()) == dict.fromkeys(enqueued, 1)
