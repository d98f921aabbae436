"""The start of a task's process fails, at each of its steps: the task says why, and gives its place on."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from pathlib import Path

import pytest

from brokerless import launch, spawn
from brokerless.models import TaskState
from brokerless.processes import task_of
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left, effects, let_the_start_time_out
from tests.real_processes import is_alive

Status = TaskState.Status
FORGETFUL = """
from brokerless.management import execute_from_command_line
def main():
    execute_from_command_line()
print("main() is forgotten.")
"""
USE_EVERY_DESCRIPTOR = """
from contextlib import suppress
from brokerless.launchers.subprocess import SubprocessLauncher
start = SubprocessLauncher.start
def start_with_none_left(launcher, task):
    with suppress(OSError):
        while True:
            os.open(os.devnull, os.O_RDONLY)
    start(launcher, task)
SubprocessLauncher.start = start_with_none_left
"""


def test_a_command_that_cannot_be_imported_any_more_fails_with_the_reason(processes, monkeypatch):
    import_module("tests.probes.management.commands.broken_probe")  # works here: it is broken by a later release
    monkeypatch.setenv("TEST_BROKEN_COMMAND", "1")
    ended = processes.await_end(launch("broken_probe"))
    assert_ended_as(ended, Status.FAILED, "This command is broken on purpose.")
    assert ended.error_type == "ImportError"
    assert_nothing_is_left(processes, ended)


def test_an_interpreter_without_the_permission_to_be_executed_is_said(processes):
    python = processes.directory / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o600)
    processes.configure(PYTHON=str(python))
    ended = processes.read(processes.launch("succeed"))
    assert_ended_as(ended, Status.FAILED, "Permission denied")
    assert ended.error_type == "not-spawned"


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_where_the_system_makes_no_more_processes_the_task_says_so_and_the_next_has_its_place(
    processes, monkeypatch, number
):
    processes.configure(MAX_PROCESSES=1)

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as exhausted:
        exhausted.setattr(spawn.subprocess, "Popen", refuse)
        refused = processes.read(processes.launch("succeed"))
    assert_ended_as(refused, Status.FAILED, os.strerror(number))
    assert refused.error_type == "not-spawned"
    assert_ended_as(processes.await_end(processes.launch("succeed")), Status.SUCCESSFUL)


def test_a_launching_process_that_has_no_file_descriptor_left_says_so(processes, others):
    others.launch("work_at_word", first=USE_EVERY_DESCRIPTOR)
    task = eventually(lambda: TaskState.objects.filter(finished_at__isnull=False).first(), why="it has failed")
    assert_ended_as(task, Status.FAILED, "Too many open files")
    assert task.error_type == "not-spawned"
    assert effects(processes) == []


def test_a_manage_py_that_exits_without_running_anything_fails_the_task(processes):
    manage_py = processes.directory / "manage.py"
    manage_py.write_text(FORGETFUL)
    processes.configure(MANAGE_PY=str(manage_py), DIRECTORY=str(processes.directory))
    processes.configure(PREFIX=["env", f"PYTHONPATH={Path.cwd()}"])
    ended = processes.await_end(processes.launch("work_at_word"))
    assert_ended_as(ended, Status.FAILED, "The process exited with code 0 before the command started.")
    assert (ended.exit_code, ended.error_detail) == (0, "main() is forgotten.")
    assert effects(processes) == []
    assert_nothing_is_left(processes, ended)


def test_a_manage_py_that_hangs_is_killed_when_its_time_is_over_and_its_place_given_on(processes, monkeypatch):
    processes.configure(MAX_PROCESSES=1)
    with monkeypatch.context() as hanging:
        hanging.setenv("TEST_PROBES", "tests.probes.apps.HangingConfig")
        task = processes.read(processes.launch("work_at_word"))
    waiting = processes.launch("succeed")
    assert processes.is_alive(task.monitor_pid)
    assert processes.read(waiting).status == Status.READY

    let_the_start_time_out()

    ended = processes.await_end(task, within=2.0)
    assert_ended_as(ended, Status.FAILED, "The command had not started after 60 s, and its process was killed.")
    eventually(lambda: not processes.is_alive(task.monitor_pid))
    assert_ended_as(processes.await_end(waiting), Status.SUCCESSFUL)
    assert effects(processes) == []
    assert_nothing_is_left(processes, ended)


def test_a_manage_py_that_stops_itself_is_killed_too(processes):
    """SIGKILL reaches what no other signal does."""
    processes.configure(PREFIX=["sh", "-c", 'kill -STOP $$; exec "$@"', "sh"])
    task = processes.read(processes.launch("work_at_word"))
    let_the_start_time_out()
    ended = processes.await_end(task, within=2.0)
    assert_ended_as(ended, Status.FAILED, "had not started after 60 s")
    assert effects(processes) == []
    assert_nothing_is_left(processes, ended)


def test_what_the_hanging_start_had_started_is_killed_with_it(processes):
    processes.configure(PREFIX=["sh", "-c", "setsid sleep 600 & wait", "sh"])
    task = processes.read(processes.launch("work_at_word"))
    eventually(lambda: len(processes.living()) >= 2, why="the process has started another")
    let_the_start_time_out()
    assert_ended_as(processes.await_end(task, within=2.0), Status.FAILED, "had not started after 60 s")
    eventually(lambda: not processes.living(), why="nothing is left of the start")


def test_a_process_for_which_no_thread_waits_runs_all_the_same(processes, monkeypatch):
    """No more threads may be had where no more processes may be."""
    refused = []

    def refuse(thread):
        refused.append(thread)
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr("brokerless.launchers.subprocess.threading.Thread.start", refuse)
        task = processes.launch("work_at_word")
    processes.await_word("started", task)
    processes.say()
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert effects(processes) == ["begun 1", "done 1"]
    refused[0].start()  # so that no child is left to the other tests


def test_a_start_that_is_ended_takes_no_other_task_along(processes):
    """A process that came too late for its task starts the next one before it ends; that one is below it."""
    start_another = "BROKERLESS_TASK=another:1 setsid sleep 600 & wait"
    processes.configure(PREFIX=["sh", "-c", start_another, "sh"])
    task = processes.launch("work_at_word")
    another = eventually(
        lambda: [p for p in processes.living() if task_of(p.pid) == "another:1"], why="it is started"
    )
    assert task.cancel()
    eventually(lambda: not is_alive(processes.read(task), "monitor"), why="the late process is ended")
    assert processes.is_alive(another[0].pid)
    another[0].kill()
