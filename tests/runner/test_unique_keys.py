"""Unique keys: one unfinished task of each, whoever asks and however often at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from brokerless import admission, attempts, dispatch, launch, reap, transitions
from brokerless.exceptions import TooManyTasks
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process, host_name, identify
from tests.at_once import at_once
from tests.eventually import eventually
from tests.runner.elsewhere import launch_elsewhere_at_once
from tests.runner.launchers import RefusingLauncher

Status = TaskState.Status
NOBODY = Process(2**22 - 1, 1)  # above every pid that a default kernel gives
pytestmark = pytest.mark.usefixtures("runtime_dir")


def person(name):
    return get_user_model().objects.create(username=name)


def launch_probe(key="books", **keywords):
    return launch("probe", arguments=["succeed"], unique_key=key, **keywords)


def test_a_second_launch_returns_the_first_unfinished_task(each_database, dispatched):
    ann = person("ann")
    first = launch_probe(owner=ann)
    assert not first.is_joined
    for status in sorted(TaskState.UNFINISHED):
        TaskState.objects.update(status=status)
        second = launch_probe(owner=ann)
        assert (second.pk, second.is_joined, second.status) == (first.pk, True, status)
    assert dispatched == [1]
    assert TaskState.objects.count() == 1


@pytest.mark.django_db
def test_other_keys_and_no_keys_are_other_tasks(dispatched):
    tasks = [launch_probe(), launch_probe("authors"), launch_probe(""), launch_probe("")]
    assert TaskState.objects.count() == 4
    assert not any(task.is_joined for task in tasks)
    assert [task.unique_key is None for task in tasks] == [False, False, True, True]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["Books", "books ", "bóoks", "bo\u0301oks", "books\0", "b" * 10_000, "\udce9"])
def test_keys_are_compared_byte_by_byte_whatever_they_hold(dispatched, key):
    launch_probe("books")
    first = launch_probe(key)
    assert not first.is_joined
    assert launch_probe(key).pk == first.pk


@pytest.mark.django_db
def test_a_key_is_its_owner_s(dispatched):
    ann, bob = person("ann"), person("bob")
    tasks = [launch_probe(owner=owner) for owner in (ann, bob, None)]
    assert not any(task.is_joined for task in tasks)
    assert [launch_probe(owner=owner).pk for owner in (ann, bob, None)] == [task.pk for task in tasks]


@pytest.mark.django_db
def test_a_global_key_is_everybody_s_and_apart_from_those_of_owners(dispatched):
    ann, bob = person("ann"), person("bob")
    launch_probe(owner=ann)
    first = launch_probe(owner=ann, unique_globally=True)
    assert not first.is_joined
    assert launch_probe(owner=bob, unique_globally=True).pk == first.pk
    assert launch_probe(unique_globally=True).pk == first.pk


@pytest.mark.parametrize("repetition", range(3))
def test_five_launches_at_once_make_one_task(each_database, dispatched, repetition):
    ann = person("ann")
    tasks = at_once(5, lambda _: launch_probe(owner=ann))
    assert len({task.pk for task in tasks}) == TaskState.objects.count() == 1
    assert sorted(task.is_joined for task in tasks) == [False, True, True, True, True]


@pytest.mark.system
def test_five_processes_that_launch_at_once_make_one_task(processes):
    launch_five_times(processes)


@pytest.mark.system
def test_five_processes_that_launch_at_once_make_one_task_on_postgresql(postgres, processes):
    launch_five_times(processes)


def launch_five_times(processes):
    code = """
task = launch("probe", arguments=["return_at_word"], options={"directory": str(words)}, unique_key="books")
print(task.pk, task.is_joined)
"""
    answers = [answer.split() for answer in launch_elsewhere_at_once(processes, 5, code)]
    assert len({pk for pk, _ in answers}) == TaskState.objects.count() == 1
    assert sorted(is_joined for _, is_joined in answers) == ["False", "True", "True", "True", "True"]
    processes.await_word("started")
    processes.say()
    task = processes.await_end(TaskState.objects.get())
    assert (task.status, task.unique_key, task.lease) == (Status.SUCCESSFUL, None, 1)


def test_a_collision_leaves_the_caller_s_transaction_usable(each_database, dispatched, monkeypatch):
    """The other launch is unseen by the look before the insert, and committed by then."""
    first = launch_probe()
    real, looks = admission._holder, []

    def see_nothing_at_first(digest):
        looks.append(digest)
        return None if len(looks) == 1 else real(digest)

    monkeypatch.setattr(admission, "_holder", see_nothing_at_first)
    with transaction.atomic():
        person("before")
        second = launch_probe()
        person("after")
    assert (second.pk, second.is_joined, len(looks)) == (first.pk, True, 2)
    assert set(get_user_model().objects.values_list("username", flat=True)) == {"before", "after"}


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_refused_for_ever_is_an_error(dispatched, monkeypatch):
    launch_probe()
    looks = []
    monkeypatch.setattr(admission, "_holder", looks.append)
    with pytest.raises(IntegrityError):
        launch_probe()
    assert len(looks) == admission.TRIES


def test_a_rollback_of_the_caller_leaves_nothing(each_database, dispatched):
    with transaction.atomic():
        launch_probe()
        transaction.set_rollback(True)
    assert not TaskState.objects.exists()
    assert dispatched == []
    assert not launch_probe().is_joined


def test_whoever_meets_a_key_of_a_launch_that_is_rolled_back_records_the_task(postgres, dispatched):
    """The insert waits for the other transaction's end."""
    with ThreadPoolExecutor(1) as pool:

        def launch_there():
            try:
                return launch_probe()
            finally:
                connection.close()

        with transaction.atomic():
            here = launch_probe()
            there = pool.submit(launch_there)
            await_blocked_insert()
            transaction.set_rollback(True)
        found = there.result(20)
    assert (found.pk != here.pk, found.is_joined) == (True, False)
    assert TaskState.objects.get() == found


def await_blocked_insert():
    def is_blocked():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return cursor.fetchone()[0]

    eventually(is_blocked)


@pytest.mark.django_db
def test_joining_needs_no_place_among_the_owner_s_tasks(dispatched, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}
    ann = person("ann")
    first = launch_probe(owner=ann)
    assert launch_probe(owner=ann).pk == first.pk
    with pytest.raises(TooManyTasks):
        launch_probe("authors", owner=ann)


def make(status, **fields):
    """Record a task that holds a key."""
    own = {"lease": 1, "host": host_name(), "claimed_at": timezone.now(), "heartbeat_at": timezone.now()}
    own |= {"attempt": 1, "unique_key": admission.unique_digest("books", owner_id=None, is_global=False)}
    return TaskState.objects.create(command="probe", status=status, **own | fields)


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def alive():
    return dict(zip(("monitor_pid", "monitor_start"), identify(os.getpid()), strict=True))


def dead():
    return dict(zip(("monitor_pid", "monitor_start"), NOBODY, strict=True))


def finish_with(status, **fields):
    return lambda task: attempts.settle(task, Outcome(status, **fields))


def cancel(task):
    return transitions.request_cancel(task.pk, by_id=None)


def cancel_and_settle(task):
    cancel(task)
    return attempts.settle(task, Outcome(Status.FAILED, error_type="ValueError"))


ENDS = {
    "success": (Status.RUNNING, {}, finish_with(Status.SUCCESSFUL), Status.SUCCESSFUL),
    "failure": (Status.RUNNING, {}, finish_with(Status.FAILED), Status.FAILED),
    "last failure": (
        Status.RUNNING, {"attempt": 3, "max_attempts": 3}, finish_with(Status.FAILED), Status.FAILED
    ),
    "final failure": (
        Status.RUNNING, {"max_attempts": 3}, finish_with(Status.FAILED, is_final=True), Status.FAILED
    ),
    "cancelled by its monitor": (Status.RUNNING, {}, finish_with(Status.CANCELLED), Status.CANCELLED),
    "failed while stopping": (Status.RUNNING, {}, cancel_and_settle, Status.CANCELLED),
    "cancelled while ready": (Status.READY, {}, cancel, Status.CANCELLED),
    "cancelled while starting": (Status.STARTING, {}, cancel, Status.CANCELLED),
    "monitor gone": (Status.RUNNING, dead(), reap.look_at, Status.LOST),
    "gone at the start": (Status.STARTING, dead(), reap.look_at, Status.FAILED),
    "in vain": (Status.STARTING, {"claims_in_vain": 2, "claimed_at": ago(61)}, reap.look_at, Status.FAILED),
    "silent at the start": (
        Status.STARTING, {**dead(), "host": "another", "claimed_at": ago(200)}, reap.look_at, Status.FAILED
    ),
    "given up": (
        Status.RUNNING,
        {"host": "another", "heartbeat_at": ago(200), "stale_since": ago(100)},
        reap.look_at,
        Status.LOST,
    ),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("how", ENDS)
def test_every_end_empties_the_key(dispatched, how):
    status, fields, end, expected = ENDS[how]
    task = make(status, **fields)
    assert launch_probe().pk == task.pk
    assert end(task)
    task.refresh_from_db()
    assert (task.status, task.unique_key) == (expected, None)
    assert task.finished_at
    assert not launch_probe().is_joined


STAYS = {
    "tried again": (Status.RUNNING, {"max_attempts": 2}, finish_with(Status.FAILED), Status.READY),
    "put back": (Status.STARTING, {"claimed_at": ago(61)}, reap.look_at, Status.READY),
    "asked to stop": (Status.RUNNING, alive(), cancel, Status.RUNNING),
    "claimed": (Status.READY, {}, lambda task: transitions.claim(task, host="here"), Status.STARTING),
}


@pytest.mark.django_db
@pytest.mark.parametrize("how", STAYS)
def test_what_is_not_the_end_keeps_the_key(dispatched, how):
    status, fields, act, expected = STAYS[how]
    task = make(status, **fields)
    assert act(task)
    task.refresh_from_db()
    assert (task.status, task.finished_at) == (expected, None)
    found = launch_probe()
    assert (found.pk, found.is_joined) == (task.pk, True)


@pytest.mark.django_db
def test_not_being_spawned_empties_the_key(use_launcher):
    use_launcher(RefusingLauncher)
    task = make(Status.READY)
    assert dispatch.dispatch() == 0
    task.refresh_from_db()
    assert (task.status, task.unique_key, task.error_type) == (Status.FAILED, None, "not-spawned")


def test_the_constraint_itself_refuses_a_second(each_database):
    make(Status.READY)
    with pytest.raises(IntegrityError):
        make(Status.RUNNING)
    for _ in range(2):
        make(Status.READY, unique_key=None)
    assert TaskState.objects.count() == 3
