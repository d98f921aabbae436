"""What the database knows of hosts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless import hosts, pausing
from brokerless.hosts import MOMENTS, forget_long_gone, known_names, note_tick, ticked_lately
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from brokerless.purging import purge
from tests.at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)

Status = TaskState.Status


def test_many_ticks_at_once_are_noted_in_one_row(each_database):
    assert not ticked_lately().exists()
    at_once(8, lambda _: note_tick())
    assert [host.name for host in ticked_lately()] == [host_name()]


def ago(**keywords):
    return timezone.now() - timedelta(**keywords)


def make_host(name, **moments):
    Host.objects.create(name=name, **moments)
    return name


def make_task(host, status=Status.RUNNING, **values):
    return TaskState.objects.create(command="probe", host=host, status=status, **values)


def test_this_host_is_known_before_it_has_a_row():
    assert known_names() == [host_name()]
    make_host("elsewhere", ticked_at=ago(hours=1))
    make_host(host_name())
    assert sorted(known_names()) == sorted(["elsewhere", host_name()])


@pytest.mark.parametrize("moment", MOMENTS)
def test_hosts_that_were_seen_lately_are_known_and_others_are_not(moment):
    make_host("seen", **{moment: ago(hours=23)})
    make_host("gone", **{moment: ago(hours=25)})
    make_host("never seen")
    assert sorted(known_names()) == sorted(["seen", host_name()])


@pytest.mark.parametrize(
    ("status", "hours", "is_known"),
    [(Status.LOST, 23, True), (Status.FAILED, 1, True), (Status.LOST, 25, False), (Status.SUCCESSFUL, 1, False)],
)
def test_a_host_that_is_gone_is_known_while_its_tasks_are_just_found_lost(status, hours, is_known):
    make_host("gone", dispatched_at=ago(days=9))
    make_task("gone", status, finished_at=ago(hours=hours))
    assert ("gone" in known_names()) == is_known
    assert forget_long_gone() == (not is_known)


def test_rows_of_hosts_that_are_long_gone_go_and_no_others(each_database):
    old = ago(hours=25)
    kept = {
        make_host(Host.EVERYWHERE, dispatched_at=old),
        make_host(host_name(), dispatched_at=old),
        make_host("paused", dispatched_at=old, paused_at=old),
        make_host("runs", dispatched_at=old),
        make_host("starts"),
        *(
            make_host(f"seen {moment}", **dict.fromkeys(MOMENTS, old) | {moment: ago(hours=23)})
            for moment in MOMENTS
        ),
    }
    make_task("runs")
    make_task("starts", Status.STARTING)
    make_task("gone", Status.SUCCESSFUL, finished_at=ago(hours=1))
    make_host("gone", **dict.fromkeys(MOMENTS, old))
    make_host("never seen")
    make_host("only dispatched", dispatched_at=old)
    assert forget_long_gone() == 3
    assert set(Host.objects.values_list("name", flat=True)) == kept
    assert forget_long_gone() == 0


def test_very_many_go_in_batches_and_none_when_the_time_is_up(monkeypatch):
    monkeypatch.setattr(hosts, "ROWS_AT_ONCE", 100)
    Host.objects.bulk_create(Host(name=f"container/{number}") for number in range(450))
    assert forget_long_gone(may_go_on=lambda: False) == 0
    assert forget_long_gone() == 450


def test_a_purge_forgets_them_and_a_dry_run_does_not(runtime_dir):
    make_host("gone", ticked_at=ago(days=2))
    purge(older_than=timedelta(days=30), is_dry_run=True)
    assert Host.objects.filter(name="gone").exists()
    purge(older_than=timedelta(days=30))
    assert not Host.objects.filter(name="gone").exists()


def test_a_host_whose_row_is_forgotten_meanwhile_is_paused_all_the_same(monkeypatch):
    """Between the making of its row and the pause in it."""
    forgotten = []

    def make_and_forget(real=Host.objects.get_or_create, **keywords):
        found = real(**keywords)
        if not forgotten:
            forgotten.append(Host.objects.filter(**keywords).delete())
        return found

    monkeypatch.setattr(Host.objects, "get_or_create", make_and_forget)
    pausing.pause()
    assert forgotten
    assert pausing.is_paused()
