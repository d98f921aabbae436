"""The heartbeat: it goes on whatever happens, and tells what it learnt."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, connections
from django.db.backends.signals import connection_created

from brokerless import heartbeat as module
from brokerless import patience, transitions
from brokerless.heartbeat import Heartbeat
from brokerless.models import TaskState
from brokerless.patience import bound_connection, bounded_statements
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

    def start(measure=dict, on_news=lambda: None, **others):
        beating = Heartbeat(task.pk, 1, measure=measure, on_news=on_news, **others)
        started.append(beating)
        beating.start()
        return beating

    yield start
    for beating in started:
        beating.stop()
        assert not beating.is_alive()


def version():
    return TaskState.objects.get().version


def test_what_is_measured_is_stored_beat_by_beat(beating):
    numbers = iter(range(1000))
    beating(measure=lambda: {"progress_current": next(numbers)})
    eventually(lambda: (TaskState.objects.get().progress_current or 0) >= 3)


def test_what_a_beat_has_stored_is_told_and_what_has_failed_is_not(beating, monkeypatch):
    beat, tries, stored = transitions.beat, [], []

    def fail_at_first(*arguments):
        tries.append(arguments)
        if len(tries) == 1:
            raise OperationalError
        return beat(*arguments)

    monkeypatch.setattr(transitions, "beat", fail_at_first)
    numbers = iter(range(1000))
    beating(measure=lambda: {"progress_current": next(numbers)}, on_stored=stored.append)
    eventually(lambda: len(stored) >= 2)
    assert [measured["progress_current"] for measured in stored[:2]] == [1, 2]


def test_nothing_is_written_after_the_stop(beating):
    started = beating()
    eventually(lambda: version() >= 1)
    started.stop()
    assert not started.is_alive()


def test_a_request_to_cancel_is_news(beating, task):
    news = []
    started = beating(on_news=lambda: news.append(1))
    assert started.latest == (True, False)
    transitions.request_cancel(task.pk, by_id=None)
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


@pytest.fixture
def short_patience(monkeypatch):
    """Have statements wait for a short time only, on this connection made anew."""
    monkeypatch.setattr(patience, "LONGEST_STATEMENT", 50)
    connection_created.connect(bound_connection)
    connection.close()
    yield
    connection_created.disconnect(bound_connection)
    connection.close()


def test_a_beat_waits_for_a_lock_only_for_a_while_and_bounds_nobody_else(postgres, short_patience):
    other = connections.create_connection("default")
    task = TaskState.objects.create(command="probe", status=Status.RUNNING, lease=1)
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM brokerless_taskstate WHERE id = %s FOR UPDATE", [task.pk])
        with pytest.raises(OperationalError, match="timeout"), bounded_statements():
            transitions.beat(task.pk, 1, {})
    finally:
        other.close()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
    assert transitions.beat(task.pk, 1, {}).owned


def test_a_beat_waits_for_a_locked_sqlite_only_for_a_while(task, short_patience):
    if connection.vendor != "sqlite":
        pytest.skip("the suite runs on another database")
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"), bounded_statements():
            transitions.beat(task.pk, 1, {})
    finally:
        other.close()
    assert transitions.beat(task.pk, 1, {}).owned
