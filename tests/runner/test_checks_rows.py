"""The checks of the rows: only when databases are checked, and of what no process would start by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import checks
from django.db import connection
from django.utils import timezone

from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from tests.runner.checking import ids

Status = TaskState.Status


def found(databases=("default",)):
    return checks.run_checks(tags=["brokerless"], databases=databases)


def found_ids():
    return sorted(ids(found()))


def ago(**keywords):
    return timezone.now() - timedelta(**keywords)


@pytest.fixture
def make(db, runtime_dir):
    """Return the function that makes a task's row."""

    def make(status=Status.READY, **values):
        return TaskState.objects.create(**{"command": "probe", "status": status} | values)

    return make


@pytest.fixture
def waiting(make):
    """Make a task that has waited for an hour."""
    return make(created_at=ago(hours=1))


def test_a_plain_check_does_not_look_at_rows(waiting, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert found(databases=[]) == []
        assert found(databases=["another"]) == []


def test_a_site_without_tasks_passes(db, runtime_dir):
    assert found() == []


def test_a_task_that_waits_with_nothing_running_is_said(waiting):
    (message,) = found()
    assert (message.id, message.msg) == (
        "brokerless.W007",
        "1 task is waiting, and nothing is running that would start them.",
    )
    assert "manage.py tasks tick" in message.hint


def test_tasks_are_counted(waiting, make):
    make(created_at=ago(days=9), run_after=ago(hours=1))
    assert found()[0].msg.startswith("2 tasks are waiting")


def test_a_task_that_was_launched_just_now_is_not_said(make):
    make()
    make(created_at=ago(days=9), run_after=ago(seconds=1))
    assert found() == []


@pytest.mark.parametrize(("status", "moment"), [(Status.RUNNING, "heartbeat_at"), (Status.STARTING, "claimed_at")])
def test_what_runs_anywhere_will_start_the_next(waiting, make, status, moment):
    make(status, host="elsewhere", **{moment: ago(seconds=5)})
    make(run_after=timezone.now() + timedelta(days=1))
    assert found() == []


@pytest.mark.parametrize(
    ("status", "moments"),
    [(Status.RUNNING, {"heartbeat_at": ago(hours=1)}), (Status.STARTING, {"claimed_at": ago(hours=1)})],
)
def test_what_only_looks_as_if_it_ran_will_not(waiting, make, status, moments):
    make(status, host="gone", **moments)
    assert found_ids() == ["brokerless.W007"]


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_finished_tasks_are_nothing_to_start(make, status):
    make(status, created_at=ago(hours=1))
    assert found() == []


def test_a_task_for_later_with_nothing_running_is_said(make):
    make(run_after=timezone.now() + timedelta(hours=1))
    (message,) = found()
    assert ids([message]) == ["brokerless.W008"]
    assert "tasks tick" in message.hint


@pytest.mark.parametrize(("minutes", "expected"), [(5, []), (7, ["brokerless.W008"])])
def test_where_a_tick_comes_every_few_minutes_it_will_be_started(make, minutes, expected):
    Host.objects.create(name="elsewhere", ticked_at=ago(minutes=minutes))
    make(run_after=timezone.now() + timedelta(hours=1))
    assert found_ids() == expected


def test_a_tick_that_starts_nothing_is_no_excuse_for_what_is_due(waiting):
    Host.objects.create(name=host_name(), ticked_at=ago(minutes=1))
    assert found_ids() == ["brokerless.W007"]


def test_the_pause_of_a_host_that_is_gone_excuses_nothing(waiting):
    """A container that was drained before it ended leaves its pause behind."""
    Host.objects.create(name="gone", paused_at=ago(days=9))
    assert found_ids() == ["brokerless.W007"]


def test_a_task_for_within_a_minute_is_not_as_somebody_may_stand_by_for_it(make):
    make(run_after=timezone.now() + timedelta(seconds=45))
    assert found() == []


@pytest.mark.parametrize(
    ("name", "who", "remedy"),
    [
        (
            host_name(),
            f"The host {host_name().partition('/')[0]} is paused since 20",
            "`manage.py tasks resume` on",
        ),
        (Host.EVERYWHERE, "All hosts are paused since 20", "`manage.py tasks resume --everywhere`"),
    ],
)
def test_a_pause_is_why_tasks_wait(waiting, name, who, remedy):
    Host.objects.create(name=name, paused_at=ago(minutes=5))
    (message,) = found()
    assert ids([message]) == ["brokerless.W009"]
    assert message.msg.startswith(who)
    assert message.msg.endswith("and 1 task is waiting.")
    assert remedy in message.hint


def test_a_pause_with_nothing_waiting_is_nobody_s_trouble(make):
    Host.objects.create(name=host_name(), paused_at=ago(minutes=5))
    make(run_after=timezone.now() + timedelta(hours=1))
    assert found() == []


def test_a_queue_that_the_settings_do_not_know_is_said(make):
    make(queue="old")
    make(Status.RUNNING, queue="old", heartbeat_at=timezone.now())
    make(queue="older")
    assert [message.msg.partition(",")[0] for message in found()] == [
        "2 tasks are unfinished in the queue 'old'",
        "1 task is unfinished in the queue 'older'",
    ]
    assert found_ids() == ["brokerless.W006"] * 2


def test_known_queues_and_finished_tasks_are_not(make, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"QUEUES": {"exports": {}, "nightly": {}}}
    make()
    make(queue="nightly")
    make(Status.SUCCESSFUL, queue="old")
    assert found() == []


def test_wrong_settings_are_said_alone(waiting, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"QUEUES": 3, "LOST_AFTER": "a minute"}
    assert found_ids() == ["brokerless.E001"] * 2


@pytest.mark.parametrize(
    "change", ["DROP TABLE brokerless_host", "ALTER TABLE brokerless_host RENAME paused_at TO p"]
)
def test_before_the_migrations_nothing_is_said_and_nothing_breaks(waiting, change):
    """In the test's transaction: both databases take their tables back with it."""
    with connection.cursor() as cursor:
        cursor.execute(change)
    assert found() == []
    assert TaskState.objects.exists()


def test_a_database_that_cannot_be_asked_is_not_our_news(waiting, monkeypatch):
    from django.db import OperationalError

    def refuse(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection.introspection, "table_names", refuse)
    assert found() == []
