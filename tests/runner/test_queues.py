"""Queues: their entries in the settings, and what may start when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brokerless import dispatch, queues
from brokerless.exceptions import UnknownQueue
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from brokerless.queues import Queue
from tests.at_once import at_once
from tests.runner.launchers import make_ready, statuses

Status = TaskState.Status


@pytest.fixture
def given(settings):
    """Set BROKERLESS["QUEUES"]."""

    def give(entries):
        settings.BROKERLESS = settings.BROKERLESS | {"QUEUES": entries}

    return give


def test_the_default_queue_needs_no_entry(given):
    given({})
    assert queues.get_queue("default") == Queue(None, None, None, nice=0, max_attempts=1)
    assert queues.limit_of("default") is None
    assert not queues.is_any_limited()


def test_an_entry_gives_a_limit_and_defaults(given):
    given({"exports": {"limit": 2, "timeout": 60, "nice": 10}})
    assert queues.get_queue("exports") == Queue(limit=2, timeout=60, memory_limit=None, nice=10, max_attempts=1)
    assert queues.is_any_limited()


def test_an_unknown_queue_is_an_error_that_names_the_known_ones(given):
    given({"mails": {}, "exports": {}})
    with pytest.raises(UnknownQueue) as raised:
        queues.get_queue("export")
    assert str(raised.value) == (
        "There is no queue 'export' in BROKERLESS['QUEUES']; the queues are: default, exports, mails."
    )


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"limit": None, "timeout": None, "memory_limit": None},
        {"limit": 1, "timeout": 0.5, "memory_limit": 1, "nice": 0, "max_attempts": 1},
        {"nice": 19, "timeout": 60},
    ],
)
def test_right_entries_are_no_problem(given, entry):
    given({"exports": entry})
    assert queues.problems() == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            {"limits": 2},
            ": there is no 'limits'; the entries are limit, timeout, memory_limit, nice, max_attempts.",
        ),
        ({"limit": 0}, ": limit is 0, but must be at least 1."),
        ({"limit": "2"}, ": limit is '2', but must be a whole number."),
        ({"limit": True}, ": limit is True, but must be a whole number."),
        ({"timeout": 0}, ": timeout is 0, but must be seconds, more than 0."),
        ({"timeout": float("nan")}, ": timeout is nan, but must be seconds, more than 0."),
        ({"timeout": float("inf")}, ": timeout is inf, but must be seconds, more than 0."),
        ({"timeout": "60"}, ": timeout is '60', but must be seconds, more than 0."),
        ({"memory_limit": 0.5}, ": memory_limit is 0.5, but must be a whole number."),
        ({"memory_limit": -1}, ": memory_limit is -1, but must be at least 1."),
        ({"nice": 20}, ": nice is 20, but must be from 0 to 19."),
        ({"nice": -1}, ": nice is -1, but must be from 0 to 19."),
        ({"nice": None}, ": nice is None, but must be a whole number."),
        ({"max_attempts": 0}, ": max_attempts is 0, but must be at least 1."),
        ({"max_attempts": 1001}, ": max_attempts is 1001, but must be at most 1000."),
        ({"max_attempts": None}, ": max_attempts is None, but must be a whole number."),
        (2, " is 2, but must be a dict."),
    ],
)
def test_a_wrong_entry_is_named_with_its_queue(given, entry, problem):
    given({"exports": entry})
    assert queues.problems() == [f"QUEUES['exports']{problem}"]


LIMITED = {"exports": {"limit": 2}}


@pytest.mark.django_db
def test_a_queue_s_limit_holds_within_the_host_s(use_launcher):
    launcher = use_launcher(limit=5, queues=LIMITED)
    make_ready(4, queue="exports")
    assert dispatch.dispatch() == 2
    assert launcher.started == ["1", "2"]


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(TaskState.ACTIVE))
def test_a_queue_s_limit_counts_on_all_hosts_together(use_launcher, be_host, status):
    launcher = use_launcher(limit=5, queues=LIMITED)
    TaskState.objects.create(command="probe", status=status, host="another", queue="exports")
    make_ready(3, queue="exports")
    be_host("here")
    assert dispatch.dispatch() == 1
    be_host("there")
    assert dispatch.dispatch() == 0
    assert launcher.started == ["1"]


@pytest.mark.django_db
def test_a_full_queue_holds_up_no_task_of_another_however_many_wait_before_it(use_launcher):
    launcher = use_launcher(limit=4, queues=LIMITED)
    make_ready(12, queue="exports", titles="export {}", priority=50)
    make_ready(3, titles="other {}")
    assert dispatch.dispatch() == 4
    assert launcher.started == ["export 1", "export 2", "other 1", "other 2"]


@pytest.mark.django_db
def test_a_task_that_ends_makes_room_for_one_of_its_queue(use_launcher):
    launcher = use_launcher(limit=9, queues=LIMITED)
    make_ready(4, queue="exports")
    dispatch.dispatch()
    TaskState.objects.filter(title="2").update(status=Status.LOST)
    assert dispatch.dispatch() == 1
    assert launcher.started == ["1", "2", "3"]


@pytest.mark.django_db
def test_tasks_of_all_queues_share_the_places_of_the_host(use_launcher):
    use_launcher(limit=3, queues={"exports": {}, "mails": {"limit": 9}})
    for queue in ("exports", "mails", "default"):
        make_ready(2, queue=queue)
    assert dispatch.dispatch() == 3


@pytest.mark.django_db
def test_the_more_important_goes_first_and_of_two_the_older(use_launcher):
    launcher = use_launcher(limit=9)
    now = timezone.now()
    for title, priority, age in (("old", 0, 9), ("least", -100, 99), ("new", 0, 1), ("most", 100, 0)):
        made = now - timedelta(seconds=age)
        TaskState.objects.create(command="probe", title=title, priority=priority, created_at=made)
    dispatch.dispatch()
    assert launcher.started == ["most", "old", "new", "least"]


@pytest.mark.django_db
def test_what_is_not_due_waits_and_holds_up_nobody(use_launcher):
    launcher = use_launcher(limit=1)
    make_ready(3, titles="later {}", priority=9, run_after=timezone.now() + timedelta(seconds=30))
    make_ready(1, titles="past", run_after=timezone.now() - timedelta(seconds=1))
    assert dispatch.dispatch() == 1
    assert launcher.started == ["past"]
    TaskState.objects.filter(title="past").update(status=Status.SUCCESSFUL)
    assert dispatch.dispatch() == 0


def test_what_is_due_is_said_by_the_database_s_clock(each_database, use_launcher, monkeypatch):
    launcher = use_launcher(limit=9)
    now = timezone.now()
    make_ready(1, titles="in an hour", run_after=now + timedelta(hours=1))
    make_ready(1, titles="a minute ago", run_after=now - timedelta(minutes=1))
    for wrong in (timedelta(hours=2), -timedelta(hours=2)):
        monkeypatch.setattr(timezone, "now", lambda wrong=wrong: now + wrong)
        dispatch.dispatch()
    assert launcher.started == ["a minute ago"]


@pytest.mark.django_db
@pytest.mark.parametrize("queues", [{}, LIMITED])
@pytest.mark.parametrize("paused", ["this host", "all hosts"])
def test_what_is_paused_claims_nothing_until_it_is_resumed(use_launcher, paused, queues):
    use_launcher(queues=queues)
    make_ready(1)
    name = Host.EVERYWHERE if paused == "all hosts" else host_name()
    Host.objects.create(name=name, paused_at=timezone.now())
    assert dispatch.dispatch() == 0
    assert dispatch.dispatch(look_first=False) == 0
    assert statuses() == {"1": Status.READY}
    Host.objects.update(paused_at=None)
    assert dispatch.dispatch() == 1


@pytest.mark.django_db
def test_a_paused_host_holds_up_no_other(use_launcher, be_host):
    use_launcher()
    make_ready(1)
    Host.objects.create(name="there", paused_at=timezone.now())
    be_host("there")
    assert dispatch.dispatch(look_first=False) == 0
    be_host("here")
    assert dispatch.dispatch(look_first=False) == 1


@pytest.mark.django_db
def test_a_paused_host_takes_no_lock_on_a_poll(use_launcher):
    use_launcher()
    make_ready(1)
    Host.objects.create(name=host_name(), paused_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        assert dispatch.dispatch() == 0
    assert all(query["sql"].startswith("SELECT") for query in queries)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("queues", "started"), [({"default": {"limit": 1}}, 1), ({"default": {}}, 3), ({"exports": {"limit": 1}}, 3)]
)
def test_tasks_of_a_queue_that_the_settings_know_no_more_have_the_default_one_s_limit(
    use_launcher, queues, started
):
    use_launcher(limit=9, queues=queues)
    make_ready(3, queue="renamed")
    assert dispatch.dispatch() == started


@pytest.mark.django_db
def test_hosts_do_not_wait_for_each_other_where_no_queue_has_a_limit(use_launcher):
    use_launcher(queues={"exports": {}})
    make_ready(1)
    dispatch.dispatch()
    assert [host.name for host in Host.objects.all()] == [host_name()]


@pytest.mark.parametrize("repetition", range(3))
def test_many_hosts_at_once_never_exceed_a_queue_s_limit_nor_their_own(
    each_database, use_launcher, be_host, repetition
):
    launcher = use_launcher(limit=3, queues={"exports": {"limit": 5}})
    make_ready(12, queue="exports", titles="export {}", priority=1)
    make_ready(20, titles="other {}")

    def dispatch_as_host(number):
        be_host(f"host {number % 4}")
        return dispatch.dispatch()

    assert sum(at_once(8, dispatch_as_host)) == 12
    active = TaskState.objects.active()
    assert active.filter(queue="exports").count() == 5
    assert {active.filter(host=f"host {number}").count() for number in range(4)} == {3}
    assert len(launcher.started) == len(set(launcher.started)) == 12
