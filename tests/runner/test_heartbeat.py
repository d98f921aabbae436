"""The heartbeat: it goes on whatever happens, and tells what it learnt."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.signals import connection_created

from brokerless import heartbeat as module
from brokerless import transitions
from brokerless.heartbeat import Heartbeat, limit_waiting
from brokerless.models import TaskState
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)

Status = TaskState.Status


@pytest.fixture
def task():
    return TaskState.objects.create(command="probe", status=Status.RUNNING, lease=1)


@pytest.fixture
def beating(task, monkeypatch):
    """Start a heartbeat that beats quickly, and stop it after the test."""
    monkeypatch.setattr(module, "INTERVAL", 0.02)
    monkeypatch.setattr(module, "FIRST_INTERVAL", 0.02)
    started = []

    def start(read_progress=dict, on_news=lambda: None):
        beating = Heartbeat(task.pk, 1, read_progress=read_progress, on_news=on_news)
        started.append(beating)
        beating.start()
        return beating

    yield start
    for beating in started:
        beating.stop()
        assert not beating.is_alive()


def version():
    return TaskState.objects.get().version


def test_progress_is_stored_beat_by_beat(beating):
    numbers = iter(range(1000))
    beating(read_progress=lambda: {"progress_current": next(numbers)})
    eventually(lambda: (TaskState.objects.get().progress_current or 0) >= 3)


def test_nothing_is_written_after_the_stop(beating):
    started = beating()
    eventually(lambda: version() >= 1)
    started.stop()
    assert not started.is_alive()


def test_a_request_to_cancel_is_news(beating, task):
    news = []
    started = beating(on_news=lambda: news.append(1))
    assert started.latest == (True, False)
    transitions.request_cancel(task.pk, by=None)
    eventually(lambda: news)
    assert started.latest == (True, True)


def test_a_row_that_is_somebody_else_s_is_news(beating):
    news = []
    started = beating(on_news=lambda: news.append(1))
    TaskState.objects.update(lease=2)
    eventually(lambda: news)
    assert started.latest == (False, False)


def test_a_renewal_is_done_by_a_beat_that_began_after_it_was_asked_for(beating):
    news = []
    started = beating(on_news=lambda: news.append(started.renewals_done))
    started.renew()
    started.renew()
    eventually(lambda: started.renewals_done == 2)
    assert news[-1] == 2


@pytest.mark.parametrize("error", [OperationalError("database is locked"), ValueError("unforeseen")])
def test_a_beat_that_fails_is_tried_again(beating, monkeypatch, caplog, error):
    real, errors = transitions.beat, [error, error]

    def beat(*arguments):
        if errors:
            raise errors.pop()
        return real(*arguments)

    monkeypatch.setattr(transitions, "beat", beat)
    beating()
    eventually(lambda: version() >= 2)
    assert "heartbeat failed and is tried again" in caplog.text


def test_a_round_of_housekeeping_is_done_when_asked_for_and_may_fail(beating, monkeypatch):
    rounds = []

    def tick():
        rounds.append(1)
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(module, "tick", tick)
    started = beating()
    eventually(lambda: version() >= 2)
    assert rounds == []
    started.dispatch_soon()
    eventually(lambda: rounds)
    before = version()
    eventually(lambda: version() > before)
    assert rounds == [1]


def test_housekeeping_is_done_now_and_then_by_itself(beating, monkeypatch):
    rounds = []
    monkeypatch.setattr(module, "HOUSEKEEPING_INTERVAL", 0.05)
    monkeypatch.setattr(module, "tick", lambda: rounds.append(1))
    beating()
    eventually(lambda: len(rounds) >= 2)


@pytest.fixture
def limited_connections(monkeypatch):
    """Have new connections wait for as short a time as a monitor's do."""
    monkeypatch.setattr(module, "LONGEST_STATEMENT", 50)
    connection_created.connect(limit_waiting)
    connection.close()
    yield
    connection_created.disconnect(limit_waiting)
    connection.close()


def test_a_beat_waits_for_a_lock_only_for_a_while(postgres, limited_connections):
    other = connections.create_connection("default")
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, lease=1)
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM brokerless_taskstate WHERE id = %s FOR UPDATE", [task.pk])
        with pytest.raises(OperationalError, match="timeout"), transaction.atomic():
            transitions.beat(task.pk, 1, {})
    finally:
        other.close()
    assert transitions.beat(task.pk, 1, {}).owned


def test_a_beat_waits_for_a_locked_sqlite_only_for_a_while(task, limited_connections):
    if connection.vendor != "sqlite":
        pytest.skip("the suite runs on another database")
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            transitions.beat(task.pk, 1, {})
    finally:
        other.close()
    assert transitions.beat(task.pk, 1, {}).owned
