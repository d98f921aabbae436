"""How a command ends, in real processes, and in which words."""

from __future__ import annotations

import pytest

from brokerless.models import TaskState
from tests.real_processes import describe

pytestmark = pytest.mark.system

Status = TaskState.Status


def test_a_command_that_returns_is_successful_with_its_result(processes):
    task = processes.await_end(processes.launch("succeed"))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert task.result == {"answer": 42, "download": "/somewhere/"}
    assert (task.exit_code, task.exit_signal, task.error_title) == (0, None, "")


@pytest.mark.parametrize(
    ("action", "value", "kind", "title", "code", "number"),
    [
        ("os_exit", 0, "exited-without-reporting", "The command exited without reporting.", 0, None),
        ("os_exit", 3, "exited", "The command exited with code 3 without reporting.", 3, None),
        ("sys_exit", 3, "SystemExit", "The command exited with code 3.", 3, None),
        ("sys_exit_with_text", "No paper.", "SystemExit", "No paper.", 1, None),
        ("kill_itself", 9, "killed-by-signal", "The command was killed by signal 9 (SIGKILL).", None, 9),
        ("kill_itself", 6, "killed-by-signal", "The command was killed by signal 6 (SIGABRT).", None, 6),
        ("segfault", None, "killed-by-signal", "The command was killed by signal 11 (SIGSEGV).", None, 11),
        ("exit_after_returning", 7, "exited", "The command returned, but then exited with code 7.", 7, None),
    ],
)
def test_an_end_other_than_a_return_is_named(processes, action, value, kind, title, code, number):
    values = [] if value is None else [value]
    task = processes.await_end(processes.launch(action, *values))
    assert task.status == Status.FAILED, describe(task)
    assert (task.error_type, task.error_title) == (kind, title)
    assert (task.exit_code, task.exit_signal) == (code, number)


def test_sys_exit_0_is_a_success_and_keeps_the_result(processes):
    task = processes.await_end(processes.launch("sys_exit", 0))
    assert (task.status, task.result) == (Status.SUCCESSFUL, "made before the exit"), describe(task)


def test_a_failure_keeps_the_result_too(processes):
    task = processes.await_end(processes.launch("sys_exit", 1))
    assert (task.status, task.result) == (Status.FAILED, "made before the exit"), describe(task)


def test_a_command_error_is_one_sentence_without_a_traceback(processes):
    task = processes.await_end(processes.launch("raise_command_error"))
    assert (task.status, task.error_type, task.error_title) == (
        Status.FAILED,
        "CommandError",
        "The shelf is empty.",
    )
    assert (task.error_detail, task.exit_code) == ("", 4)
    assert b"CommandError: The shelf is empty." in processes.log(task)
    assert b"Traceback" not in processes.log(task)


def test_an_exception_has_its_traceback_on_the_row_and_in_the_log(processes):
    task = processes.await_end(processes.launch("raise_value_error"))
    assert (task.status, task.error_type, task.result) == (Status.FAILED, "ValueError", {"made": 1})
    assert task.error_detail.startswith("Traceback")
    assert "in raise_value_error" in task.error_detail
    assert b"in raise_value_error" in processes.log(task)


def test_what_no_database_stores_is_replaced_in_an_error(processes):
    task = processes.await_end(processes.launch("raise_value_error"))
    assert task.error_title == "The shelf\N{REPLACEMENT CHARACTER} is ?mpty."


@pytest.mark.parametrize("action", ["result_that_is_no_json", "result_with_nul"])
def test_a_result_that_cannot_be_stored_fails_with_the_reason(processes, action):
    task = processes.await_end(processes.launch(action))
    assert (task.status, task.error_type) == (Status.FAILED, "InvalidArguments")
    assert task.error_title.startswith("The task's result")
    assert "cannot be stored as JSON" in task.error_title


def test_a_large_result_arrives_whole(processes):
    task = processes.await_end(processes.launch("large_result", 3_000_000))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert len(task.result) == 3_000_000


def test_a_large_error_is_cut_to_what_the_row_holds(processes):
    task = processes.await_end(processes.launch("large_error", 3_000_000))
    assert (task.error_type, len(task.error_title), len(task.error_detail)) == ("ValueError", 500, 20_000)


def test_a_command_that_closes_its_output_and_returns_is_successful(processes):
    task = processes.await_end(processes.launch("close_output"))
    assert task.status == Status.SUCCESSFUL, describe(task)


def test_a_command_that_closes_every_descriptor_cannot_report(processes):
    task = processes.await_end(processes.launch("close_everything"))
    assert (task.status, task.error_type) == (Status.FAILED, "exited-without-reporting"), describe(task)


def test_a_fork_that_runs_on_does_not_report_for_the_command(processes):
    task = processes.await_end(processes.launch("fork_runs_on"))
    assert task.error_title == "The command exited with code 5 without reporting.", describe(task)


def test_a_fork_that_fails_does_not_fail_the_command(processes):
    task = processes.await_end(processes.launch("fork_fails_alone"))
    assert (task.status, task.result) == (Status.SUCCESSFUL, "of the command itself"), describe(task)


def test_the_log_holds_standard_output_and_standard_error_while_the_command_runs(processes):
    task = processes.launch_and_await_word("speak")
    assert "said on standard output – ähm\n".encode() in processes.log(task)
    assert b"said on standard error\n" in processes.log(task)
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL


def test_output_is_utf8_whatever_the_locale(processes, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    processes.say()
    task = processes.await_end(processes.launch("speak"))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert "said on standard output – ähm\n".encode() in processes.log(task)


def test_binary_output_is_logged_byte_by_byte(processes):
    task = processes.await_end(processes.launch("print_binary"))
    assert processes.log(task) == bytes(range(256)) * 4


def test_output_beyond_the_limit_keeps_head_and_tail(processes):
    processes.configure(LOG_LIMIT=10_000)
    task = processes.await_end(processes.launch("print_bytes", 1_000_000))
    log = processes.log(task)
    assert log.startswith(b"begin...")
    assert log.endswith(b"...end")
    assert b"bytes left out" in log
    assert len(log) < 10_200


def test_arguments_are_not_on_the_command_line(processes):
    task = processes.launch_and_await_word("greet_at_word", "ann@example.org")
    lines = [" ".join(process.cmdline()) for process in processes.living()]
    assert any(line.endswith("manage.py probe") for line in lines)
    assert not any("ann@example.org" in line for line in lines)
    processes.say()
    assert b"ann@example.org" in processes.log(processes.await_end(task))


def test_a_command_knows_its_task(processes, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    task = processes.await_end(processes.launch("identity", owner=ann))
    assert task.result == {"id": str(task.pk), "lease": 1, "owner": str(ann.pk), "status": "RUNNING"}
