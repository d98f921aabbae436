"""The start of a task's process: what it forgets of its parent, fork or exec, and a start that fails."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from brokerless import bootstrap
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.real_processes import describe, is_alive

pytestmark = pytest.mark.system

Status = TaskState.Status
THREADED = "tests.probes.apps.ThreadedConfig"


@pytest.fixture(params=["fork", "exec"])
def way(request, processes, monkeypatch):
    """Start command processes in both ways: a thread of the set-up rules the fork out."""
    if request.param == "exec":
        monkeypatch.setenv("TEST_PROBES", THREADED)
    return request.param


def test_the_command_process_is_forked_or_started_anew_beside_threads(processes, way):
    task = processes.await_end(processes.launch("descent"))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert (task.result["pid"], task.result["monitor"]) == (task.command_pid, task.monitor_pid)
    assert task.result["threads"] == (1 if way == "fork" else 2)


def test_both_ways_report_progress_and_end_in_the_same_words(processes, way):
    task = processes.launch_and_await_word("track_items", 10, 5)
    eventually(lambda: processes.read(task).progress_current == 5)
    processes.kill(task.command_pid)
    ended = processes.await_end(task, within=1.0, look=False)
    assert ended.error_title == "The command was killed by signal 9 (SIGKILL)."


def test_both_ways_are_cancelled_with_their_descendants(processes, way):
    task = processes.launch_and_await_word("start_session")
    task.cancel()
    assert processes.await_end(task).status == Status.CANCELLED
    assert not processes.is_alive(processes.await_word("grandchild"))


def test_both_ways_leave_nothing_behind_a_killed_monitor(processes, way):
    task = processes.launch_and_await_word("start_session")
    processes.kill(task.monitor_pid)
    assert processes.await_end(task).status == Status.LOST
    eventually(lambda: not processes.is_alive(processes.await_word("grandchild")))
    assert not is_alive(task, "command")


def test_a_site_without_manage_py_runs_as_a_module(processes):
    processes.configure(MANAGE_PY=None)
    task = processes.launch_and_await_word("return_at_word")
    assert any(process.cmdline()[1:] == ["-m", "brokerless", "probe"] for process in processes.living())
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL


def test_a_site_without_manage_py_works_by_exec_too(processes, monkeypatch):
    processes.configure(MANAGE_PY=None)
    monkeypatch.setenv("TEST_PROBES", THREADED)
    task = processes.await_end(processes.launch("succeed"))
    assert task.status == Status.SUCCESSFUL, describe(task)


def test_what_a_server_passes_on_is_forgotten(processes, way):
    """Launch from a process with signals ignored and blocked, a umask, niceness, and a socket that listens."""
    spoil = (
        "import os, signal, socket\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])\n"
        "os.umask(0o077)\n"
        "os.nice(5)\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "server.set_inheritable(True)\n"
        "print(os.readlink(f'/proc/self/fd/{server.fileno()}'), flush=True)\n"
        "import django; django.setup()\n"
        "from brokerless import launch\n"
        "print(launch('probe', arguments=['inheritance']).pk)\n"
    )
    listening, pk = processes.run_python(spoil).split()
    task = processes.await_end(TaskState.objects.get(pk=pk))
    assert task.status == Status.SUCCESSFUL, describe(task)
    found = task.result
    assert (found["ignored"], found["blocked"], found["umask"]) == ([], [], 0o022)
    assert found["niceness"] == (0 if os.geteuid() == 0 else 5)
    assert found["environment"] == ["BROKERLESS_INSIDE"]
    assert found["standard_input"] == os.devnull
    assert found["directory"] == str(Path(bootstrap.__file__).parents[1])
    assert re.search(r"\d+", listening)[0] not in found["sockets"]


def test_a_prefix_may_make_a_task_nice(processes):
    processes.configure(PREFIX=["nice", "-n", "7"])
    task = processes.await_end(processes.launch("inheritance"))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert task.result["niceness"] == os.nice(0) + 7


def test_an_error_of_the_set_up_fails_the_task_with_exit_code_and_log(processes, monkeypatch):
    monkeypatch.setenv("TEST_BROKEN_SETTINGS", "1")
    task = processes.await_end(processes.launch("succeed"))
    assert (task.status, task.error_type) == (Status.FAILED, "exited-at-start")
    assert task.error_title == "The process exited with code 1 before the command started."
    assert "These settings are broken on purpose." in task.error_detail
    assert task.exit_code == 1


def test_a_death_at_the_start_names_the_signal(processes):
    processes.configure(PREFIX=["sh", "-c", "kill -KILL $$", "sh"])
    task = processes.await_end(processes.launch("succeed"))
    assert task.error_title == "The process was killed by signal 9 (SIGKILL) before the command started."
    assert (task.exit_code, task.exit_signal) == (None, 9)


def test_exit_0_at_the_start_is_a_failure_too(processes):
    processes.configure(PREFIX=["true"])
    task = processes.await_end(processes.launch("succeed"))
    assert (task.status, task.exit_code) == (Status.FAILED, 0)
    assert task.error_title == "The process exited with code 0 before the command started."


def test_a_death_at_the_start_is_found_by_a_poll_when_the_launching_process_is_gone(processes):
    processes.configure(PREFIX=["sh", "-c", "exit 3", "sh"])
    task = processes.launch_elsewhere("succeed")
    ended = processes.await_end(task)
    assert (ended.status, ended.error_type) == (Status.FAILED, "exited-at-start")
    assert "before the command started" in ended.error_title


def test_a_process_for_another_command_does_not_adopt_the_task(processes):
    """A PREFIX that mangles the command line must not run what nobody asked for."""
    processes.configure(PREFIX=["sh", "-c", 'exec "$1" "$2" check', "sh"])
    task = processes.await_end(processes.launch("succeed"))
    assert (task.status, task.error_type, task.exit_code) == (Status.FAILED, "exited-at-start", 75)


def test_signals_are_unblocked_and_get_their_usual_effect_back():
    kept = {number: signal.getsignal(number) for number in bootstrap.USUAL_SIGNALS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    umask = os.umask(0o077)
    try:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        bootstrap.forget_what_was_inherited()
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(umask)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in kept.items():
            signal.signal(number, handler)


def test_a_socket_that_python_made_is_not_inherited_either(processes):
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = str(Path(f"/proc/self/fd/{server.fileno()}").readlink())
        task = processes.await_end(processes.launch("inheritance"))
        assert re.search(r"\d+", own)[0] not in task.result["sockets"]
