"""The process that stays for what is due soon: one per host, and none for longer than there is something."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.db.models import DateTimeField, Value
from django.utils import timezone

from brokerless import standby
from brokerless.models import TaskState
from brokerless.runtime_dir import open_lock
from brokerless.standby import LONGEST_STAY, lock_name, stand_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("runtime_dir")]

Status = TaskState.Status


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(standby.time, "sleep", found.sleep)
    monkeypatch.setattr(standby, "Now", lambda: Value(found.now, output_field=DateTimeField()))
    return found


@pytest.fixture
def ticks(monkeypatch, clock):
    """Record when it ticked, and have a tick start what is due."""
    found = []

    def tick():
        found.append(clock.now)
        TaskState.objects.filter(status=Status.READY, run_after__lte=clock.now).update(status=Status.STARTING)

    monkeypatch.setattr(standby, "tick", tick)
    return found


def make(clock, seconds, **fields):
    run_after = None if seconds is None else clock.now + timedelta(seconds=seconds)
    return TaskState.objects.create(command="probe", run_after=run_after, **fields)


def test_what_is_due_soon_is_started_then(clock, ticks):
    task = make(clock, 5.5)
    stand_by()
    assert ticks == [task.run_after]
    assert sum(clock.slept) == 5.5


def test_several_are_started_in_their_order(clock, ticks):
    tasks = [make(clock, seconds) for seconds in (7, 3)]
    stand_by()
    assert ticks == [tasks[1].run_after, tasks[0].run_after]


def test_a_task_that_came_meanwhile_and_is_due_earlier_is_not_missed(clock, ticks, monkeypatch):
    late = make(clock, 10)
    sleep, early = clock.sleep, []

    def sleep_and_launch(seconds):
        sleep(seconds)
        if not early:
            early.append(make(clock, 2))

    monkeypatch.setattr(standby.time, "sleep", sleep_and_launch)
    stand_by()
    assert ticks == [early[0].run_after, late.run_after]


@pytest.mark.parametrize(
    ("seconds", "fields"),
    [
        (None, {}),  # waits for a place, and whoever leaves one starts it
        (-1, {}),
        (LONGEST_STAY + 1, {}),
        (5, {"status": Status.CANCELLED}),
        (5, {"status": Status.RUNNING}),
    ],
)
def test_nobody_stays_for_anything_else(clock, ticks, seconds, fields):
    make(clock, seconds, **fields)
    stand_by()
    assert (clock.slept, ticks) == ([], [])


def test_it_goes_when_the_awaited_task_is_cancelled(clock, ticks, monkeypatch):
    task = make(clock, 30)
    sleep = clock.sleep

    def sleep_and_cancel(seconds):
        sleep(seconds)
        task.cancel()

    monkeypatch.setattr(standby.time, "sleep", sleep_and_cancel)
    stand_by()
    assert (len(clock.slept), ticks) == (1, [])


def test_one_process_of_a_host_stays_and_another_goes(clock, ticks):
    import fcntl

    task = make(clock, 5)
    other = open_lock(lock_name())
    fcntl.flock(other, fcntl.LOCK_EX)
    stand_by()
    assert ticks == []
    assert len(clock.slept) == 1  # the other may have been about to leave

    os.close(other)
    stand_by()
    assert ticks == [task.run_after]
