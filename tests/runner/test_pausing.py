"""Pausing, resuming, draining: one host or all of them."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection, connections, transaction

from brokerless import dispatch, pausing
from brokerless.launchers.base import Launcher
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from tests.eventually import eventually

Status = TaskState.Status
PLACES = ["this host", "everywhere"]
NOBODY = 2**22 - 1  # a pid that no process has


class RecordingLauncher(Launcher):
    """Starts nothing."""

    def start(self, task):
        """Leave the task STARTING."""


@pytest.fixture(params=PLACES)
def everywhere(request):
    return request.param == "everywhere"


@pytest.fixture
def starts_nothing(settings, runtime_dir):
    """Claim any number of tasks, without a process; no queue's limit has claims lock the row of all hosts."""
    name = f"{__name__}.{RecordingLauncher.__name__}"
    settings.BROKERLESS = settings.BROKERLESS | {"LAUNCHER": name, "MAX_PROCESSES": 1000, "QUEUES": {}}


def make(status=Status.READY, **fields):
    return TaskState.objects.create(command="probe", status=status, **fields)


def make_running(**fields):
    return make(Status.RUNNING, host=fields.pop("host", host_name()), lease=1, **fields)


@pytest.mark.django_db
def test_nothing_is_started_while_paused_and_resuming_starts_it(starts_nothing, everywhere):
    pausing.pause(everywhere=everywhere)
    make()
    assert pausing.is_paused()
    assert pausing.is_paused(everywhere=True) is everywhere
    assert dispatch.dispatch() == 0

    assert pausing.resume(everywhere=everywhere) == 1

    assert not pausing.is_paused()
    assert TaskState.objects.get().status == Status.STARTING


@pytest.mark.django_db
def test_the_pause_of_another_host_is_none_here(starts_nothing):
    Host.objects.create(name="elsewhere")
    pausing.pause()
    Host.objects.filter(name="elsewhere").update(paused_at=Host.objects.get(name=host_name()).paused_at)
    pausing.resume()
    make()
    assert not pausing.is_paused()
    assert dispatch.dispatch() == 1


@pytest.mark.django_db
def test_the_two_pauses_are_independent(starts_nothing):
    pausing.pause()
    pausing.pause(everywhere=True)
    make()
    assert pausing.resume(everywhere=True) == 0
    assert pausing.is_paused()
    assert pausing.resume() == 1


@pytest.mark.django_db
def test_pausing_again_keeps_the_time_of_the_first(everywhere):
    pausing.pause(everywhere=everywhere)
    first = Host.objects.get(paused_at__isnull=False).paused_at
    pausing.pause(everywhere=everywhere)
    assert Host.objects.get(paused_at__isnull=False).paused_at == first


@pytest.mark.django_db
def test_resuming_what_is_not_paused_does_no_harm(everywhere):
    assert pausing.resume(everywhere=everywhere) == 0


@pytest.mark.django_db(transaction=True)
def test_a_pause_in_a_transaction_which_nobody_could_see_is_refused():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        pausing.pause()


def test_a_pause_returns_after_the_claims_that_were_under_way(postgres, starts_nothing, everywhere, monkeypatch):
    take = dispatch._take
    holds, let_go, returned = threading.Event(), threading.Event(), threading.Event()

    def take_slowly(host):
        holds.set()
        let_go.wait(20)
        return take(host)

    def claim():
        dispatch.dispatch(look_first=False)
        connections.close_all()

    def pause():
        pausing.pause(everywhere=everywhere)
        returned.set()
        connections.close_all()

    make()
    monkeypatch.setattr(dispatch, "_take", take_slowly)
    claiming = threading.Thread(target=claim)
    claiming.start()
    assert holds.wait(20)
    waiting = threading.Thread(target=pause)
    waiting.start()
    eventually(is_somebody_waiting_for_a_lock, why="the pause waits for the claim")
    assert not returned.is_set()

    let_go.set()

    assert returned.wait(20)
    assert TaskState.objects.get().status == Status.STARTING
    claiming.join(20)
    waiting.join(20)


def is_somebody_waiting_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def test_nobody_who_dispatches_all_the_time_claims_anything_after_the_pause(postgres, starts_nothing, everywhere):
    made, stop = [], threading.Event()

    def launch_on_and_on():
        while not stop.is_set():
            made.append(make())
            dispatch.dispatch(look_first=False)
        connections.close_all()

    threads = [threading.Thread(target=launch_on_and_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(made) > 20, why="some tasks are claimed")

    pausing.pause(everywhere=everywhere)

    claimed = TaskState.objects.active().count()
    before = len(made)
    eventually(lambda: len(made) > before + 20, why="more is launched after the pause")
    stop.set()
    for thread in threads:
        thread.join(20)
    assert claimed > 0
    assert TaskState.objects.active().count() == claimed


@pytest.mark.django_db(transaction=True)
def test_draining_a_host_without_tasks_pauses_it_and_returns_at_once(everywhere):
    drained = pausing.drain(everywhere=everywhere)
    assert drained.is_empty
    assert drained.ended == []
    assert pausing.is_paused()


@pytest.mark.django_db(transaction=True)
def test_draining_finishes_tasks_whose_processes_are_gone(runtime_dir):
    task = make_running(monitor_pid=NOBODY, monitor_start=1)
    drained = pausing.drain()
    assert [(ended.pk, ended.status) for ended in drained.ended] == [(task.pk, Status.LOST)]


@pytest.mark.django_db(transaction=True)
def test_draining_one_host_does_not_wait_for_another_but_draining_all_does():
    task = make_running(host="elsewhere")
    assert pausing.drain().is_empty
    assert [active.pk for active in pausing.drain(timeout=0, everywhere=True).active] == [task.pk]


@pytest.mark.django_db(transaction=True)
def test_draining_waits_on_while_the_database_is_away_for_a_moment(monkeypatch, runtime_dir):
    make_running(monitor_pid=NOBODY, monitor_start=1)
    reap, tries = pausing.reap, []

    def fail_first():
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        return reap()

    monkeypatch.setattr(pausing, "reap", fail_first)
    monkeypatch.setattr(pausing, "LOOK_PAUSE", 0.01)
    assert pausing.drain().is_empty
    assert len(tries) == 3


@pytest.mark.django_db(transaction=True)
def test_draining_gives_up_when_the_database_stays_away(monkeypatch):
    def fail():
        raise OperationalError("gone")

    monkeypatch.setattr(pausing, "reap", fail)
    monkeypatch.setattr(pausing, "DATABASE_PATIENCE", 0.0)
    with pytest.raises(OperationalError, match="gone"):
        pausing.drain()


@pytest.mark.django_db(transaction=True)
def test_the_time_may_be_up_and_the_task_goes_on(processes):
    task = processes.launch_and_await_word("return_at_word")

    drained = pausing.drain(timeout=0.2)

    assert [active.pk for active in drained.active] == [task.pk]
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL


@pytest.mark.django_db(transaction=True)
def test_draining_waits_for_what_runs_starts_nothing_and_says_how_it_ended(processes):
    processes.configure(MAX_PROCESSES=2)
    running = processes.launch_and_await_word("return_at_word")
    other = processes.directory / "other"
    other.mkdir()
    killed = processes.launch("return_at_word", options={"directory": str(other)})
    eventually((other / "started").exists, why="both run")
    waiting = processes.launch("succeed")
    told = []

    def on_progress(drained):
        """End one task after the other."""
        told.append((len(drained.ended), len(drained.active)))
        if len(told) == 1:
            processes.kill(processes.read(killed).monitor_pid)
        elif len(told) == 2:
            processes.say()

    drained = pausing.drain(timeout=20, on_progress=on_progress)

    assert told == [(0, 2), (1, 1), (2, 0)]
    ended = {task.pk: task.status for task in drained.ended}
    assert ended == {killed.pk: Status.LOST, running.pk: Status.SUCCESSFUL}
    eventually(lambda: not processes.living(), why="the monitors have ended")
    assert processes.read(waiting).status == Status.READY
    assert pausing.resume() == 1
    assert processes.await_end(waiting).status == Status.SUCCESSFUL
