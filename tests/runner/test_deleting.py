"""Deleting rows while somebody else has them: people wait a moment for it, and the purge for nobody."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from brokerless import deleting
from brokerless.models import TaskState
from tests.eventually import eventually

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def task(postgres):
    return TaskState.objects.create(command="probe", status="SUCCESSFUL", finished_at=timezone.now())


@pytest.fixture
def held(task):
    """Have a page claim that the task's end was shown, in a transaction that ends when it is let go."""
    has_it, let_go = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            TaskState.objects.filter(pk=task.pk).update(end_shown_at=timezone.now())
            has_it.set()
            let_go.wait(30)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert has_it.wait(30)
    yield let_go
    let_go.set()
    thread.join(30)


def test_a_row_that_a_page_holds_for_a_moment_is_waited_for(task, held):
    def let_go():
        eventually(_somebody_waits, why="the deletion waits for the row")
        held.set()
        connections.close_all()

    thread = threading.Thread(target=let_go)
    thread.start()
    try:
        assert deleting.remove(TaskState.objects.filter(pk=task.pk)) == {task.pk}
    finally:
        held.set()
        thread.join(30)
    assert not TaskState.objects.exists()


def test_a_purge_waits_for_nobody(task, held):
    assert deleting.delete([task.pk]) == 0
    assert TaskState.objects.exists()


def test_nobody_waits_for_ever(task, held, monkeypatch):
    monkeypatch.setattr("brokerless.patience.LONGEST_STATEMENT", 50)
    with pytest.raises(OperationalError, match="lock timeout"):
        deleting.remove(TaskState.objects.filter(pk=task.pk))
    assert TaskState.objects.exists()


def _somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return cursor.fetchone()[0]
