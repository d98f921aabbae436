"""Claiming and starting: the limit per host, the order, what happens when a start fails."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless import dispatch, launch, transitions
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from tests.at_once import at_once
from tests.eventually import eventually
from tests.real_processes import describe, is_alive
from tests.runner.launchers import (
    CrashingLauncher,
    RecordingLauncher,
    RefusingLauncher,
    make_ready,
    statuses,
)

Status = TaskState.Status


@pytest.mark.django_db
def test_the_oldest_tasks_start_first_and_no_more_than_the_limit(use_launcher):
    launcher = use_launcher(RecordingLauncher)
    make_ready(3)
    assert dispatch.dispatch() == 2
    assert launcher.started == ["1", "2"]
    assert statuses() == {"1": Status.STARTING, "2": Status.STARTING, "3": Status.READY}


@pytest.mark.django_db
def test_a_finished_task_makes_room_for_one(use_launcher):
    launcher = use_launcher(RecordingLauncher)
    make_ready(4)
    dispatch.dispatch()
    TaskState.objects.filter(title="1").update(status=Status.SUCCESSFUL)
    assert dispatch.dispatch() == 1
    assert launcher.started == ["1", "2", "3"]


@pytest.mark.django_db
def test_tasks_of_other_hosts_take_no_place_here(use_launcher):
    use_launcher(RecordingLauncher)
    make_ready(2)
    for status in TaskState.ACTIVE:
        TaskState.objects.create(command="probe", status=status, host="another")
    assert dispatch.dispatch() == 2


@pytest.mark.django_db(transaction=True)
def test_what_another_host_took_first_leaves_the_tasks_behind_it_to_this_one(use_launcher, monkeypatch):
    use_launcher(RecordingLauncher, limit=1)
    make_ready(2)
    claim = transitions.claim

    def claim_second(task, *, host):
        """Claim as a host does that is a moment too late for the first task."""
        if task.title == "1":
            TaskState.objects.filter(pk=task.pk).update(status=Status.STARTING, lease=1, host="another")
        return claim(task, host=host)

    monkeypatch.setattr(transitions, "claim", claim_second)
    assert dispatch.dispatch() == 1
    assert RecordingLauncher.started == ["2"]


@pytest.mark.django_db
def test_dispatching_with_nothing_ready_writes_nothing(use_launcher, django_assert_num_queries):
    use_launcher(RecordingLauncher)
    with django_assert_num_queries(1):
        assert dispatch.dispatch() == 0
    assert not Host.objects.exists()


@pytest.mark.django_db
def test_a_claim_takes_the_next_lease_and_names_the_host(use_launcher):
    use_launcher(RecordingLauncher)
    (task,) = make_ready(1)
    dispatch.dispatch()
    task.refresh_from_db()
    assert (task.lease, task.host) == (1, host_name())
    assert task.claimed_at
    assert Host.objects.get().name == host_name()


@pytest.mark.django_db
def test_what_cannot_be_spawned_fails_with_the_reason_and_leaves_its_place_to_the_next(use_launcher):
    use_launcher(RefusingLauncher)
    tasks = make_ready(3)
    assert dispatch.dispatch() == 0
    for task in tasks:
        task.refresh_from_db()
        assert (task.status, task.error_type) == (Status.FAILED, "not-spawned")
        assert task.error_title == "The process could not be started: no such program"


@pytest.mark.django_db
def test_an_unforeseen_error_of_one_start_does_not_keep_the_others_from_it(use_launcher):
    launcher = use_launcher(CrashingLauncher, limit=3)
    make_ready(3)
    assert dispatch.dispatch() == 2
    assert launcher.started == ["2", "3"]
    assert statuses()["1"] == Status.STARTING


@pytest.mark.django_db
def test_polls_dispatch_at_most_once_a_second(use_launcher, monkeypatch):
    launcher = use_launcher(RecordingLauncher, limit=5)
    monkeypatch.setattr(dispatch, "_last_dispatch", 0.0)
    make_ready(1)
    assert dispatch.dispatch_for_poll() == 1
    TaskState.objects.create(command="probe", title="later")
    assert dispatch.dispatch_for_poll() == 0
    let_a_second_pass(monkeypatch)
    assert dispatch.dispatch_for_poll() == 1
    assert launcher.started == ["1", "later"]


def let_a_second_pass(monkeypatch):
    monkeypatch.setattr(dispatch, "_last_dispatch", dispatch._last_dispatch - dispatch.POLL_INTERVAL)
    Host.objects.update(dispatched_at=timezone.now() - timedelta(seconds=dispatch.POLL_INTERVAL + 0.1))


@pytest.mark.django_db
def test_polls_of_all_processes_of_a_host_dispatch_once_a_second_together(use_launcher, monkeypatch):
    use_launcher(RecordingLauncher)
    make_ready(1)
    Host.objects.create(name=host_name(), dispatched_at=timezone.now())  # by another process
    monkeypatch.setattr(dispatch, "_last_dispatch", 0.0)
    assert dispatch.dispatch_for_poll() == 0
    assert dispatch.dispatch() == 1  # whoever launches or ends a task does not wait


@pytest.mark.django_db
def test_polls_of_another_host_do_not_keep_this_one_from_dispatching(use_launcher, monkeypatch):
    use_launcher(RecordingLauncher)
    make_ready(1)
    Host.objects.create(name="another", dispatched_at=timezone.now())
    Host.objects.create(name=Host.EVERYWHERE, dispatched_at=timezone.now())
    monkeypatch.setattr(dispatch, "_last_dispatch", 0.0)
    assert dispatch.dispatch_for_poll() == 1


@pytest.mark.django_db(transaction=True)
def test_real_processes_are_not_started_by_tests_that_did_not_ask_for_them(runtime_dir):
    task = launch("probe", arguments=["succeed"])
    task.refresh_from_db()
    assert (task.status, task.error_type) == (Status.FAILED, "not-spawned")
    assert "test database" in task.error_title


def dispatch_at_once(count):
    """Dispatch in so many threads that start together, and return what each of them started."""
    return at_once(count, lambda _: dispatch.dispatch())


@pytest.mark.django_db(transaction=True)
def test_many_who_dispatch_at_once_never_exceed_the_limit_and_start_no_task_twice(use_launcher):
    launcher = use_launcher(RecordingLauncher, limit=3)
    make_ready(8)
    assert sum(dispatch_at_once(6)) == 3
    assert sorted(launcher.started) == ["1", "2", "3"]
    assert TaskState.objects.active().count() == 3


def test_many_who_dispatch_at_once_on_postgresql_never_exceed_the_limit(postgres, use_launcher):
    launcher = use_launcher(RecordingLauncher, limit=3)
    make_ready(8)
    assert sum(dispatch_at_once(8)) == 3
    assert sorted(launcher.started) == ["1", "2", "3"]
    assert TaskState.objects.active().count() == 3


@pytest.mark.system
def test_the_second_task_waits_and_is_started_by_the_end_of_the_first(processes):
    processes.configure(MAX_PROCESSES=1)
    first = processes.launch_and_await_word("return_at_word")
    second = processes.launch("succeed")
    assert processes.read(second).status == Status.READY
    processes.say()
    ended = processes.await_end(second, look=False)
    assert ended.status == Status.SUCCESSFUL, describe(ended)
    assert ended.started_at >= processes.read(first).finished_at


@pytest.mark.system
def test_the_second_task_is_started_too_when_its_launching_process_is_gone(processes):
    processes.configure(MAX_PROCESSES=1)
    first = processes.launch_elsewhere("return_at_word")
    processes.await_word("started", first)
    second = processes.launch_elsewhere("succeed")
    assert processes.read(second).status == Status.READY
    processes.say()
    assert processes.await_end(second, look=False).status == Status.SUCCESSFUL


@pytest.mark.system
def test_the_place_of_a_killed_monitor_is_given_to_the_next_task(processes):
    processes.configure(MAX_PROCESSES=1)
    first = processes.launch_and_await_word("return_at_word")
    second = processes.launch("succeed")
    processes.kill(first.monitor_pid)
    assert processes.await_end(second, look=False).status == Status.SUCCESSFUL
    assert processes.read(first).status == Status.LOST


@pytest.mark.system
def test_processes_that_launch_at_once_never_exceed_the_limit(processes):
    processes.configure(MAX_PROCESSES=2)
    tasks = [processes.launch("return_at_word") for _ in range(4)]
    eventually(lambda: TaskState.objects.filter(status=Status.RUNNING).count() == 2)
    assert dispatch_at_once(4) == [0, 0, 0, 0]
    assert TaskState.objects.active().count() == 2
    processes.say()
    assert {processes.await_end(task).status for task in tasks} == {Status.SUCCESSFUL}


@pytest.mark.system
def test_a_monitor_that_is_shut_down_starts_nothing(processes):
    processes.configure(MAX_PROCESSES=1)
    first = processes.launch_and_await_word("return_at_word")
    second = processes.launch("succeed")

    processes.kill(first.monitor_pid, signal.SIGTERM)

    assert processes.await_end(first, look=False).error_type == "shut-down"
    eventually(lambda: not is_alive(first, "monitor"))
    assert processes.read(second).status == Status.READY
    assert processes.await_end(second).status == Status.SUCCESSFUL  # whoever looks at it starts it
