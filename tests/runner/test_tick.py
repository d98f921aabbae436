"""A look at one task, and a round for all."""

from __future__ import annotations

import pytest
from django.db import transaction

from brokerless import tick
from brokerless.models import TaskState
from brokerless.processes import host_name

Status = TaskState.Status


@pytest.fixture
def dispatches(monkeypatch):
    """Count the dispatches for a poll instead of doing them."""
    calls = []
    monkeypatch.setattr(tick, "dispatch_for_poll", lambda: calls.append(1))
    return calls


def make(status, **fields):
    return TaskState.objects.create(command="probe", status=status, host=host_name(), lease=1, **fields)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_looking_at_a_finished_task_costs_no_query(dispatches, django_assert_num_queries, status):
    task = make(status)
    with django_assert_num_queries(0):
        assert tick.look_after(task) is task
    assert dispatches == []


@pytest.mark.django_db(transaction=True)
def test_looking_at_a_ready_task_dispatches(dispatches):
    tick.look_after(make(Status.READY))
    assert dispatches == [1]


@pytest.mark.django_db(transaction=True)
def test_looking_at_a_lost_task_shows_it_and_dispatches_what_has_its_place_now(dispatches, runtime_dir):
    task = make(Status.RUNNING, monitor_pid=2**22 - 1, monitor_start=1)
    assert tick.look_after(task).status == Status.LOST
    assert dispatches == [1]


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_nothing_happens_before_its_commit(dispatches, runtime_dir):
    task = make(Status.RUNNING, monitor_pid=2**22 - 1, monitor_start=1)
    with transaction.atomic():
        assert tick.look_after(task).status == Status.RUNNING
        assert TaskState.objects.get().status == Status.RUNNING
    assert TaskState.objects.get().status == Status.LOST


@pytest.mark.django_db(transaction=True)
def test_a_round_says_how_many_it_changed_and_started(monkeypatch, runtime_dir):
    make(Status.RUNNING, monitor_pid=2**22 - 1, monitor_start=1)
    monkeypatch.setattr(tick, "dispatch", lambda: 3)
    assert tick.tick() == (1, 3)
