"""`manage.py tasks`: what its subcommands print, and their exit codes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from brokerless import pausing
from brokerless.management.commands.tasks import Command
from brokerless.management.subcommands import SUBCOMMANDS, ticking
from brokerless.models import TaskState
from brokerless.processes import host_name
from tests.eventually import eventually

Status = TaskState.Status
EXIT_OF_ARGPARSE = 2
NOBODY = 2**22 - 1  # a pid that no process has
TO_GO_ON = "This host is paused. To go on: manage.py tasks resume"


def tasks(*words, **options):
    """Run a subcommand and return what it printed and what it mentioned."""
    printed, mentioned = io.StringIO(), io.StringIO()
    call_command("tasks", *words, stdout=printed, stderr=mentioned, **options)
    return printed.getvalue(), mentioned.getvalue()


def make_running(**fields):
    return TaskState.objects.create(command="probe", status=Status.RUNNING, host=host_name(), lease=1, **fields)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("done", "line"),
    [
        ((0, 0), "Nothing to do.\n"),
        ((1, 0), "1 task brought to the truth.\n"),
        ((0, 2), "2 tasks started.\n"),
        ((2, 1), "2 tasks brought to the truth, 1 task started.\n"),
    ],
)
def test_tick_says_in_one_line_what_it_did(monkeypatch, done, line):
    monkeypatch.setattr(ticking, "tick", lambda: done)
    assert tasks("tick") == (line, "")
    assert tasks("tick", "--verbosity", "0") == ("", "")


@pytest.mark.django_db(transaction=True)
def test_tick_finishes_what_is_lost(runtime_dir):
    make_running(monitor_pid=NOBODY, monitor_start=1)
    assert tasks("tick")[0] == "1 task brought to the truth.\n"
    assert TaskState.objects.get().status == Status.LOST


@pytest.mark.django_db(transaction=True)
def test_tick_says_that_it_could_start_nothing_because_of_a_pause():
    pausing.pause()
    assert tasks("tick")[0] == "Nothing is started here while tasks are paused.\n"


@pytest.mark.django_db(transaction=True)
def test_pause_and_resume_say_what_is_paused_and_how_to_go_on():
    assert tasks("pause") == (f"{TO_GO_ON}\n", "")
    assert pausing.is_paused()
    assert tasks("resume") == ("This host starts tasks again: 0 tasks here.\n", "")
    assert not pausing.is_paused()


@pytest.mark.django_db(transaction=True)
def test_pause_and_resume_everywhere():
    assert tasks("pause", everywhere=True)[0].endswith("To go on: manage.py tasks resume --everywhere\n")
    assert pausing.is_paused(everywhere=True)
    printed, mentioned = tasks("resume")
    assert printed
    assert mentioned == (
        "But there is another pause. All hosts are paused. To go on: manage.py tasks resume --everywhere\n"
    )
    assert tasks("resume", "--everywhere") == ("All hosts start tasks again: 0 tasks here.\n", "")
    assert not pausing.is_paused()


@pytest.mark.django_db(transaction=True)
def test_resuming_everywhere_mentions_that_this_host_is_paused_by_itself():
    pausing.pause()
    assert tasks("resume", "--everywhere")[1] == f"But there is another pause. {TO_GO_ON}\n"


@pytest.mark.django_db(transaction=True)
def test_drain_says_how_tasks_ended_and_that_the_host_stays_paused(runtime_dir):
    task = make_running(monitor_pid=NOBODY, monitor_start=1)
    printed, mentioned = tasks("drain")
    assert printed == f"Drained: 1 task ended, none is running. {TO_GO_ON}\n"
    assert f"probe {task.pk}: LOST: " in mentioned
    assert tasks("drain", verbosity=0) == ("", "")


@pytest.mark.django_db(transaction=True)
def test_drain_names_what_still_runs_when_the_time_is_up():
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, host="elsewhere", lease=1)
    printed = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("tasks", "drain", "--timeout", "0", "--everywhere", stdout=printed, stderr=io.StringIO())
    assert raised.value.returncode == 124
    assert str(raised.value) == (
        "The time is up after 0 s: 0 tasks ended, 1 still running. All hosts are paused. "
        "To go on: manage.py tasks resume --everywhere"
    )
    assert printed.getvalue() == f"probe {task.pk}: still RUNNING (monitor none)\n"


@pytest.mark.parametrize("wrong", ["-1", "soon", "nan", "inf"])
def test_drain_refuses_what_is_no_number_of_seconds(wrong):
    with pytest.raises(CommandError, match="is not a number of seconds from 0 on"):
        call_command("tasks", "drain", f"--timeout={wrong}")


@pytest.mark.parametrize("words", [[], ["drian"], ["pause", "--timeout", "1"]])
def test_wrong_words_are_refused(words):
    with pytest.raises(CommandError):
        call_command("tasks", *words)


def test_every_subcommand_explains_itself_in_sentences():
    assert Command().create_parser("manage.py", "tasks").format_help()
    for subcommand in SUBCOMMANDS:
        assert subcommand.help.endswith((".", "--verbosity 0."))
        assert subcommand.help[0].isupper()


def test_djangos_options_may_stand_before_and_behind_the_subcommand():
    parser = Command().create_parser("manage.py", "tasks")
    assert parser.parse_args(["-v", "2", "tick"]).verbosity == 2
    assert parser.parse_args(["tick", "-v", "2"]).verbosity == 2
    assert parser.parse_args(["tick"]).verbosity == 1
    assert parser.parse_args(["tick", "--no-color"]).no_color
    assert not parser.parse_args(["tick"]).traceback


def manage(*words):
    """Start `manage.py tasks` as a process, as a deploy script does."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "tasks", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


@pytest.mark.django_db(transaction=True)
def test_a_deploy_drains_with_exit_code_0_and_resumes(processes):
    task = processes.launch_and_await_word("return_at_word")
    draining = manage("drain", "--timeout", "60")
    eventually(pausing.is_paused, why="the host is paused")
    waiting = processes.launch("succeed")

    processes.say()
    printed, mentioned = draining.communicate(timeout=60)

    assert (draining.returncode, printed) == (0, f"Drained: 1 task ended, none is running. {TO_GO_ON}\n")
    assert f"probe {task.pk}: SUCCESSFUL" in mentioned
    assert processes.read(waiting).status == Status.READY
    assert manage("resume").communicate(timeout=60)[0] == "This host starts tasks again: 1 task here.\n"
    assert processes.await_end(waiting).status == Status.SUCCESSFUL


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_drain_says_that_the_host_stays_paused(processes):
    task = processes.launch_and_await_word("return_at_word")
    draining = manage("drain")
    assert draining.stderr.readline() == "Waiting for 1 task …\n"

    draining.send_signal(signal.SIGINT)
    _, mentioned = draining.communicate(timeout=60)

    assert draining.returncode == 130
    assert mentioned == f"CommandError: Interrupted. {TO_GO_ON}\n"
    assert pausing.is_paused()
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL


def test_wrong_arguments_have_the_usual_exit_code():
    refused = manage("drain", "--timeout", "never")
    _, mentioned = refused.communicate(timeout=60)
    assert refused.returncode == EXIT_OF_ARGPARSE
    assert "'never' is not a number of seconds from 0 on." in mentioned
