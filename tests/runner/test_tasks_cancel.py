"""`manage.py tasks cancel`: what came of it for each, and when that is an error."""

from __future__ import annotations

import pytest

from brokerless import wait
from brokerless.models import TaskState
from brokerless.processes import host_name
from tests.runner.tasks_command import UNKNOWN_ID, manage, refused, tasks

Status = TaskState.Status
NOBODY = 2**22 - 1  # a pid that no process has

pytestmark = pytest.mark.django_db(transaction=True)


def make(status, **fields):
    return TaskState.objects.create(command="probe", status=status, **fields)


def test_a_waiting_task_is_cancelled_at_once_and_not_started_before(use_launcher):
    launcher = use_launcher()
    task = make(Status.READY)
    assert tasks("cancel", str(task.pk)[:13]) == (f"probe {task.pk}: cancelled at once.\n", "")
    assert TaskState.objects.get().status == Status.CANCELLED
    assert launcher.started == []
    assert tasks("cancel", make(Status.READY).pk, verbosity=0) == ("", "")


def test_a_running_task_is_asked_to_stop():
    task = make(Status.RUNNING, host="another")
    assert tasks("cancel", task.pk) == (f"probe {task.pk}: asked to stop.\n", "")
    assert TaskState.objects.get().is_cancelling


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_there_is_nothing_to_cancel_of_a_finished_task(status):
    task = make(status)
    assert refused("cancel", task.pk) == (1, f"probe {task.pk} was finished already: {status}.")


def test_of_several_tasks_each_is_told():
    waiting, running, done = make(Status.READY), make(Status.RUNNING, host="another"), make(Status.SUCCESSFUL)
    printed, mentioned = tasks("cancel", waiting.pk, running.pk, done.pk, waiting.pk)
    assert printed == f"probe {waiting.pk}: cancelled at once.\nprobe {running.pk}: asked to stop.\n"
    assert mentioned == f"probe {done.pk} was finished already: SUCCESSFUL.\n"


def test_a_wrong_id_keeps_no_other_from_being_cancelled():
    task = make(Status.READY)
    code, said = refused("cancel", UNKNOWN_ID, task.pk, "nonsense")
    assert code == 1
    assert [line.split(";")[0] for line in said.splitlines()] == [
        f"There is no task {UNKNOWN_ID}",
        "'nonsense' is no task's id, nor at least 4 characters of one.",
    ]
    assert TaskState.objects.get().status == Status.CANCELLED


def test_in_an_empty_database_there_is_nothing_to_cancel():
    assert refused("cancel", UNKNOWN_ID)[0] == 1
    assert "ID" in refused("cancel")[1]


def test_a_task_whose_monitor_is_gone_is_told_as_lost(runtime_dir):
    task = make(Status.RUNNING, host=host_name(), lease=1, monitor_pid=NOBODY, monitor_start=1)
    assert "was finished already: LOST" in refused("cancel", task.pk)[1]


def test_ctrl_c_while_waiting_does_not_undo_the_request(monkeypatch):
    task = make(Status.RUNNING, host="another")

    def interrupt(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(wait.time, "sleep", interrupt)
    code, said = refused("cancel", task.pk, "--wait")
    assert code == 130
    assert said.startswith("Interrupted. The task is being stopped all the same; ")
    assert TaskState.objects.get().is_cancelling


@pytest.mark.system
def test_waiting_for_the_end_of_what_is_cancelled(processes):
    task = processes.launch_and_await_word("clean_up_on_term")
    cancelling = manage("cancel", task.pk, "--wait")
    printed, mentioned = cancelling.communicate(timeout=60)
    first, second = printed.splitlines()
    assert (cancelling.returncode, mentioned) == (0, "")
    assert first == f"probe {task.pk}: asked to stop."
    assert second.startswith(f"probe {task.pk}: CANCELLED after ")
    assert processes.read(task).status == Status.CANCELLED
