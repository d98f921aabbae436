"""Bringing rows to the truth: what is looked at, what is concluded, and what is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless import reap
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process, host_name, identify
from brokerless.runtime_dir import TaskFiles
from tests.eventually import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("runtime_dir")]

Status = TaskState.Status
NOBODY = Process(2**22 - 1, 1)  # above every pid that a default kernel gives


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def make(status, *, monitor=None, host=None, **fields):
    own = {"lease": 1, "host": host or host_name(), "claimed_at": ago(1), "heartbeat_at": ago(1)}
    if monitor is not None:
        own |= {"monitor_pid": monitor.pid, "monitor_start": monitor.start}
    return TaskState.objects.create(command="probe", status=status, **own | fields)


def ourselves():
    return identify(os.getpid())


def looked_at(task):
    """Look at a task; return whether that changed it, and its row."""
    changed = reap.look_at(task)
    return changed, TaskState.objects.get(pk=task.pk)


@pytest.fixture
def sleeper():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        yield child
        child.kill()


@pytest.mark.parametrize("status", [Status.READY, *sorted(TaskState.FINISHED)])
def test_what_has_no_process_is_left_alone(status):
    task = make(status, monitor=NOBODY)
    assert looked_at(task) == (False, task)
    assert looked_at(task)[1].status == status


@pytest.mark.parametrize("status", sorted(TaskState.ACTIVE))
def test_what_has_a_living_monitor_is_left_alone(status):
    changed, found = looked_at(make(status, monitor=ourselves()))
    assert (changed, found.status) == (False, status)


def test_a_task_whose_monitor_is_gone_is_lost_with_the_end_of_its_log():
    task = make(Status.RUNNING, monitor=NOBODY)
    with os.fdopen(TaskFiles(task.pk, 1).open_log(), "w") as log:
        log.write("the last words\n")
    changed, found = looked_at(task)
    assert (changed, found.status, found.error_type) == (True, Status.LOST, "lost")
    assert found.error_detail == "the last words"
    assert found.finished_at


def test_a_task_is_lost_once_however_many_look():
    task = make(Status.RUNNING, monitor=NOBODY)
    other = TaskState.objects.get(pk=task.pk)
    assert reap.look_at(task)
    assert not reap.look_at(other)


def test_the_command_of_a_monitor_that_is_gone_is_killed(sleeper):
    command = identify(sleeper.pid)
    looked_at(make(Status.RUNNING, monitor=NOBODY, command_pid=command.pid, command_start=command.start))
    eventually(lambda: not command.is_alive)


def test_another_process_with_the_command_s_pid_is_left_alone(sleeper):
    command = identify(sleeper.pid)
    looked_at(make(Status.RUNNING, monitor=NOBODY, command_pid=command.pid, command_start=command.start - 1))
    assert command.is_alive


def test_a_finish_that_was_stored_is_applied_before_anything_is_judged(tmp_path):
    task = make(Status.RUNNING, monitor=NOBODY)
    files = TaskFiles(task.pk, 1)
    files.store_finish(Outcome(Status.SUCCESSFUL, result=[1], exit_code=0).stored())
    (tmp_path / "half").touch()
    files.note_temporary(tmp_path / "half")
    changed, found = looked_at(task)
    assert (changed, found.status, found.result, found.exit_code) == (True, Status.SUCCESSFUL, [1], 0)
    assert files.read_finish() is None
    assert not (tmp_path / "half").exists()


def test_a_stored_finish_of_another_lease_is_not_applied():
    task = make(Status.RUNNING, monitor=NOBODY, lease=2)
    TaskFiles(task.pk, 1).store_finish(Outcome(Status.SUCCESSFUL).stored())
    assert looked_at(task)[1].status == Status.LOST


def test_a_process_that_ended_before_the_adoption_failed():
    changed, found = looked_at(make(Status.STARTING, monitor=NOBODY))
    assert (changed, found.status, found.error_type) == (True, Status.FAILED, "exited-at-start")


def test_a_claim_without_a_process_is_given_time():
    changed, found = looked_at(make(Status.STARTING))
    assert (changed, found.status) == (False, Status.STARTING)


def test_a_claim_without_a_process_is_put_back_when_it_is_overdue():
    changed, found = looked_at(make(Status.STARTING, claimed_at=ago(61)))
    assert (changed, found.status, found.lease, found.claims_in_vain) == (True, Status.READY, 1, 1)


def test_a_claim_is_put_back_three_times_at_most():
    changed, found = looked_at(make(Status.STARTING, claimed_at=ago(61), claims_in_vain=2))
    assert (changed, found.status, found.error_type) == (True, Status.FAILED, "not-spawned")
    assert "3 times" in found.error_title


def test_a_process_that_does_not_adopt_in_time_is_killed(sleeper):
    process = identify(sleeper.pid)
    changed, found = looked_at(make(Status.STARTING, monitor=process, claimed_at=ago(61)))
    assert (changed, found.status, found.error_type) == (True, Status.FAILED, "start-timed-out")
    eventually(lambda: not process.is_alive)


def test_a_process_that_still_has_time_to_adopt_is_left_alone(sleeper):
    process = identify(sleeper.pid)
    changed, found = looked_at(make(Status.STARTING, monitor=process, claimed_at=ago(59)))
    assert (changed, found.status) == (False, Status.STARTING)
    assert process.is_alive


def test_pids_of_another_host_mean_nothing_here():
    changed, found = looked_at(make(Status.RUNNING, monitor=NOBODY, host="another"))
    assert (changed, found.status, found.stale_since) == (False, Status.RUNNING, None)


def test_another_host_that_stands_still_is_given_up_at_the_second_look():
    task = make(Status.RUNNING, monitor=NOBODY, host="another/boot/1", heartbeat_at=ago(61))
    changed, found = looked_at(task)
    assert (changed, found.status) == (False, Status.RUNNING)
    assert found.stale_since
    assert looked_at(found)[1].status == Status.RUNNING  # the second look came too soon
    TaskState.objects.update(stale_since=ago(61))
    changed, found = looked_at(TaskState.objects.get())
    assert (changed, found.status) == (True, Status.LOST)
    assert found.error_title == "Nothing has been heard from another for more than 60 s."


def test_another_host_that_was_heard_between_the_looks_is_left_alone():
    task = make(Status.RUNNING, host="another", heartbeat_at=ago(61))
    reap.look_at(task)
    TaskState.objects.update(heartbeat_at=ago(0), stale_since=None)
    changed, found = looked_at(TaskState.objects.get())
    assert (changed, found.status, found.stale_since) == (False, Status.RUNNING, None)


@pytest.mark.parametrize(
    ("seconds", "monitor", "status", "kind"),
    [
        (119, NOBODY, Status.STARTING, ""),
        (121, NOBODY, Status.FAILED, "start-timed-out"),
        (119, None, Status.STARTING, ""),
        (121, None, Status.READY, ""),
    ],
)
def test_a_start_on_another_host_is_given_its_time_and_then_given_up(seconds, monitor, status, kind):
    _, found = looked_at(make(Status.STARTING, monitor=monitor, host="another", claimed_at=ago(seconds)))
    assert (found.status, found.error_type) == (status, kind)


def test_one_row_that_cannot_be_judged_does_not_keep_the_others_from_it(monkeypatch):
    tasks = [make(Status.RUNNING, monitor=NOBODY) for _ in range(3)]
    real = TaskFiles.read_finish

    def read_finish(files):
        if str(tasks[1].pk) in str(files.directory):
            raise RuntimeError("unforeseen")
        return real(files)

    monkeypatch.setattr(TaskFiles, "read_finish", read_finish)
    assert reap.reap() == 2
    assert TaskState.objects.filter(status=Status.LOST).count() == 2


def test_reaping_looks_at_active_tasks_only(django_assert_num_queries):
    for status in (Status.READY, *TaskState.FINISHED):
        make(status, monitor=NOBODY)
    # Beside them at what was finished from elsewhere before it began, whose process may still hang here.
    with django_assert_num_queries(3):
        assert reap.reap() == 0
