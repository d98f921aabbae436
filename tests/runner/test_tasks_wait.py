"""`manage.py tasks wait`: the exit code is the task's own outcome; and the codes themselves."""

from __future__ import annotations

import io
import json
import signal
from datetime import timedelta

import pytest
from django.core.management.base import OutputWrapper
from django.db import OperationalError
from django.utils import timezone

from brokerless import wait
from brokerless.exit_codes import outcome_code
from brokerless.management.subcommands import waiting
from brokerless.models import TaskState
from brokerless.processes import host_name
from tests.runner.tasks_command import UNKNOWN_ID, Terminal, as_json, manage, refused, tasks

Status = TaskState.Status
NOBODY = 2**22 - 1  # a pid that no process has

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": Status.SUCCESSFUL, "exit_code": 0}, 0),
        ({"status": Status.FAILED, "exit_code": 3}, 3),
        ({"status": Status.FAILED, "exit_code": 0}, 1),
        ({"status": Status.FAILED}, 1),
        ({"status": Status.FAILED, "exit_signal": signal.SIGKILL}, 137),
        ({"status": Status.FAILED, "exit_code": 255}, 255),
        ({"status": Status.CANCELLED}, 143),
        ({"status": Status.CANCELLED, "exit_code": 0}, 143),
        ({"status": Status.CANCELLED, "exit_signal": signal.SIGKILL}, 143),
        ({"status": Status.LOST}, 70),
    ],
)
def test_the_exit_code_tells_how_a_task_ended(fields, code):
    assert outcome_code(TaskState(**fields)) == code


def test_every_final_status_has_an_exit_code_and_one_alone_has_0():
    codes = {status: outcome_code(TaskState(status=status)) for status in TaskState.FINISHED}
    assert [status for status, code in codes.items() if code == 0] == [Status.SUCCESSFUL]


def test_a_successful_task_is_said_and_exits_with_0():
    now = timezone.now()
    times = {"started_at": now - timedelta(seconds=90), "finished_at": now}
    task = TaskState.objects.create(command="probe", status=Status.SUCCESSFUL, **times)
    assert tasks("wait", task.pk) == (f"probe {task.pk}: SUCCESSFUL after 1 min 30 s.\n", "")
    assert tasks("wait", task.pk, verbosity=0) == ("", "")
    assert as_json("wait", task.pk)["status"] == "SUCCESSFUL"


def test_a_failed_task_is_an_error_with_its_code_and_reason():
    fields = {"error_type": "CommandError", "error_title": "The shelf is empty.", "exit_code": 4}
    task = TaskState.objects.create(command="probe", status=Status.FAILED, **fields)
    assert refused("wait", task.pk) == (4, f"probe {task.pk}: FAILED: The shelf is empty.")
    printed = Terminal()
    assert refused("wait", task.pk, "--json", stdout=printed)[0] == 4
    assert json.loads(printed.getvalue())["exit_code"] == 4


@pytest.mark.parametrize("words", [["--timeout", "0"], ["--timeout", "0.01"], ["--timeout", "0s"]])
def test_the_time_may_be_up(words):
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, host="another")
    code, said = refused("wait", task.pk, *words)
    assert code == 124
    assert said.startswith("The time is up after 0")
    assert said.endswith(f"s: probe {task.pk} is still RUNNING.")


@pytest.mark.parametrize("wrong", ["-1", "soon", "nan", "inf", "5 m", "5x"])
def test_a_wrong_time_is_refused(wrong):
    assert f"{wrong!r} is" in refused("wait", UNKNOWN_ID, f"--timeout={wrong}")[1]


def test_no_such_task_is_an_error():
    assert refused("wait", UNKNOWN_ID)[0] == 1


def test_ctrl_c_says_that_the_task_goes_on(monkeypatch):
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, host="another")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(wait.time, "sleep", interrupt)
    code, said = refused("wait", task.pk)
    assert code == 130
    assert said == (
        f"Interrupted. The task goes on; to wait again: manage.py tasks wait {task.pk}; "
        f"to stop it: manage.py tasks cancel {task.pk}"
    )


def test_a_row_that_is_deleted_meanwhile_is_said(monkeypatch):
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, host="another")
    monkeypatch.setattr(wait.time, "sleep", lambda _: TaskState.objects.all().delete())
    assert refused("wait", task.pk) == (1, f"The task {task.pk} is gone: its row has been deleted.")


def test_a_database_that_is_away_is_said_in_one_line(monkeypatch):
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, host="another")

    def fail(_seconds):
        raise OperationalError("server closed the connection\n\tbefore or while")

    monkeypatch.setattr(wait.time, "sleep", fail)
    assert refused("wait", task.pk) == (
        1,
        f"The task {task.pk} may well go on, but: server closed the connection before or while",
    )


def test_a_task_whose_monitor_is_gone_is_lost(runtime_dir):
    fields = {"status": Status.RUNNING, "host": host_name(), "lease": 1}
    task = TaskState.objects.create(command="probe", monitor_pid=NOBODY, monitor_start=1, **fields)
    assert refused("wait", task.pk)[0] == 70


def test_one_line_of_a_terminal_is_written_anew(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    fields = {"status": Status.RUNNING, "progress_total": 100_000, "progress_unit": "very long named books"}
    task = TaskState(command="probe", progress_current=5, **fields)
    terminal = Terminal()
    line = waiting.StatusLine(terminal_of(terminal))
    line.show(task)
    line.show(task)
    task.progress_current = 6
    line.show(task)
    line.clear()
    _, first, second, last = terminal.getvalue().split("\r\033[K")
    assert (first[:18], second[:18], last) == ("probe RUNNING 5 of", "probe RUNNING 6 of", "")
    assert len(first) == len(second) == 39


def test_no_terminal_sees_nothing():
    pipe = io.StringIO()
    line = waiting.StatusLine(terminal_of(pipe))
    line.show(TaskState(command="probe"))
    line.clear()
    assert pipe.getvalue() == ""


def terminal_of(stream):
    return OutputWrapper(stream)


@pytest.mark.system
def test_waiting_ends_with_the_task_and_as_it_does(processes):
    task = processes.launch_and_await_word("raise_at_word")
    waiting_for_it = manage("wait", task.pk)
    processes.say()
    printed, mentioned = waiting_for_it.communicate(timeout=60)
    assert (waiting_for_it.returncode, printed) == (1, "")
    assert f"probe {task.pk}: FAILED after" in mentioned
    assert "ValueError: raised at the word" in mentioned
