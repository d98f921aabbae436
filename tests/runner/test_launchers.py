"""The subprocess launcher: failures to start, and nothing that is left behind."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from brokerless import children, transitions
from brokerless.launchers import Launcher, get_launcher
from brokerless.launchers.subprocess import SubprocessLauncher, is_test_run
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.real_processes import describe

pytestmark = pytest.mark.system

Status = TaskState.Status


def test_the_launcher_of_the_settings_is_used():
    assert isinstance(get_launcher(), SubprocessLauncher)
    assert isinstance(get_launcher(), Launcher)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"PYTHON": "/no/such/python"}, "/no/such/python"),
        ({"PREFIX": ["/no/such/prefix"]}, "/no/such/prefix"),
        ({"MANAGE_PY": "/no/such/manage.py"}, "MANAGE_PY cannot be read"),
        ({"DIRECTORY": "/no/such/directory"}, "/no/such/directory"),
        ({"RUNTIME_DIR": "/proc/nothing"}, "The runtime directory /proc/nothing cannot be used"),
    ],
)
def test_what_cannot_be_started_is_a_failed_task_with_the_reason(processes, entries, words):
    processes.configure(**entries)
    task = processes.read(processes.launch("succeed"))
    assert (task.status, task.error_type) == (Status.FAILED, "not-spawned")
    assert task.error_title.startswith("The process could not be started: ")
    assert words in task.error_title


def test_a_runtime_directory_that_is_open_to_others_is_refused(processes):
    (processes.directory / "runtime").mkdir(mode=0o700)
    (processes.directory / "runtime").chmod(0o777)
    task = processes.read(processes.launch("succeed"))
    assert (task.status, task.error_type) == (Status.FAILED, "not-spawned")
    assert "is open to others" in task.error_title
    (processes.directory / "runtime").chmod(0o700)


def test_mails_kept_in_memory_make_no_test_of_a_site(processes):
    """Django's backend that keeps mails in memory is used on sites, too."""
    code = (
        "import django; django.setup()\n"
        "from django.core import mail\n"
        "from brokerless.launchers.subprocess import is_test_run\n"
        "with mail.get_connection('django.core.mail.backends.locmem.EmailBackend') as connection:\n"
        "    mail.EmailMessage('a', 'b', 'a@example.org', ['b@example.org'], connection=connection).send()\n"
        "print(hasattr(mail, 'outbox'), is_test_run())\n"
    )
    assert processes.run_python(code).split() == ["True", "False"]
    assert is_test_run()


def test_the_process_is_noted_on_the_row_before_it_adopts_it(processes):
    wait = f'while [ ! -e "{processes.words}/go" ]; do sleep 0.01; done; exec "$@"'
    processes.configure(PREFIX=["sh", "-c", wait, "sh"])
    task = processes.read(processes.launch("succeed"))
    assert (task.status, task.monitor_pid in children.pids()) == (Status.STARTING, True)
    processes.say()
    assert processes.await_end(task).monitor_pid == task.monitor_pid


def test_a_task_whose_process_could_not_be_noted_runs_all_the_same(processes, monkeypatch):
    def fail(*_):
        raise OperationalError("database is locked")

    monkeypatch.setattr(transitions, "note_process", fail)
    task = processes.await_end(processes.launch("succeed"))
    assert task.status == Status.SUCCESSFUL, describe(task)
    eventually(lambda: task.monitor_pid not in children.pids(), why="somebody waited for it")


def test_a_child_that_ended_is_forgotten_and_no_zombie(processes):
    task = processes.await_end(processes.launch("succeed"))
    eventually(lambda: task.monitor_pid not in children.pids())
