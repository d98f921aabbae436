"""What rounds cost and wait for: no transaction of a caller, no lock for nothing, nothing per task elsewhere."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brokerless import dispatch, leftovers, reap, standby
from brokerless.models import TaskState
from tests.runner.launchers import make_ready, statuses

Status = TaskState.Status
SOON = 10.0  # seconds: far above what a claim takes


def writes(queries):
    return [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT", "BEGIN IMMEDIATE"))]


def test_a_transaction_that_holds_a_waiting_task_holds_no_other_claim_up(postgres, use_launcher):
    use_launcher(limit=3, queues={"exports": {"limit": 5}})
    first, *_ = make_ready(3)
    dispatched = threading.Event()

    def dispatch_elsewhere():
        try:
            dispatch.dispatch()
            dispatched.set()
        finally:
            connections.close_all()

    with transaction.atomic():
        first.cancel()  # as a view under ATOMIC_REQUESTS does, which then takes its time
        other = threading.Thread(target=dispatch_elsewhere)
        other.start()
        assert dispatched.wait(SOON)
    other.join()
    assert statuses() == {"1": Status.CANCELLED, "2": Status.STARTING, "3": Status.STARTING}


@pytest.mark.django_db(transaction=True)
def test_a_look_takes_no_lock_while_all_that_waits_is_in_a_full_queue(use_launcher):
    use_launcher(limit=5, queues={"exports": {"limit": 1}})
    make_ready(3, queue="exports")
    assert dispatch.dispatch() == 1
    with CaptureQueriesContext(connection) as queries:
        assert dispatch.dispatch() == 0
    assert not writes(queries)
    make_ready(1, titles="other {}")
    assert dispatch.dispatch() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("silent_for", "is_marked"), [(0, False), (120, True)])
def test_a_round_looks_at_other_hosts_tasks_only_when_they_are_silent(runtime_dir, silent_for, is_marked):
    heard = timezone.now() - timedelta(seconds=silent_for)
    for _ in range(20):
        TaskState.objects.create(
            command="probe", status=Status.RUNNING, lease=1, host="another", heartbeat_at=heard
        )
    with CaptureQueriesContext(connection) as queries:
        assert reap.reap() == 0
    assert bool(writes(queries)) == is_marked
    assert TaskState.objects.filter(stale_since__isnull=False).count() == (20 if is_marked else 0)
    assert is_marked or len(queries) == 3


@pytest.mark.django_db
def test_looking_at_a_task_of_another_host_that_is_heard_writes_nothing(runtime_dir):
    task = TaskState.objects.create(
        command="probe", status=Status.RUNNING, lease=1, host="another", heartbeat_at=timezone.now()
    )
    with CaptureQueriesContext(connection) as queries:
        assert not reap.look_at(task)
    assert not writes(queries)


def test_each_of_several_hosts_that_share_a_directory_has_a_standby_of_its_own(monkeypatch):
    here = standby.lock_name()
    monkeypatch.setattr(standby, "host_name", lambda: "another")
    assert standby.lock_name() != here


@pytest.mark.django_db
@pytest.mark.parametrize("select", [leftovers._late_starts, leftovers._given_up])
def test_what_is_left_over_is_found_by_an_index_and_not_sorted(select):
    plan = select().explain()
    assert "brokerless_host" in plan or connection.vendor != "sqlite"
    assert "TEMP B-TREE" not in plan
