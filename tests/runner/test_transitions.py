"""Every arrow of the statuses, and that whoever loses changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from brokerless import outcome, transitions
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process

pytestmark = pytest.mark.django_db

Status = TaskState.Status
MONITOR, COMMAND = Process(100, 7), Process(101, 8)
DONE = Outcome(Status.SUCCESSFUL, result=[1], exit_code=0)
EVERY = sorted(Status.values)


def make(status=Status.READY, **fields):
    return TaskState.objects.create(command="probe", status=status, **{"lease": 1, **fields})


def adopt(task, **changes):
    own = {"name": "probe", "host": "here", "monitor": MONITOR, "command": COMMAND}
    return transitions.adopt(task.pk, changes.pop("lease", task.lease), **own | changes)


def row(task):
    return TaskState.objects.filter(pk=task.pk).values().get()


def but(*statuses):
    return [status for status in EVERY if status not in statuses]


def test_a_claim_takes_the_next_lease():
    task = make(lease=4)
    assert transitions.claim(task, host="here")
    assert (task.status, task.lease, task.host) == (Status.STARTING, 5, "here")
    found = row(task)
    assert (found["status"], found["lease"], found["host"]) == (Status.STARTING, 5, "here")
    assert found["version"] == 1


@pytest.mark.parametrize("status", but(Status.READY))
def test_only_a_ready_task_is_claimed(status):
    task = make(status)
    before = row(task)
    assert not transitions.claim(task, host="here")
    assert row(task) == before


def test_of_two_who_claim_one_loses():
    task = make()
    other = TaskState.objects.get(pk=task.pk)
    assert transitions.claim(task, host="here")
    before = row(task)
    assert not transitions.claim(other, host="there")
    assert row(task) == before
    assert other.status == Status.READY


def test_a_process_is_noted_once():
    task = make(Status.STARTING)
    assert transitions.note_process(task, MONITOR)
    assert not transitions.note_process(task, COMMAND)
    assert (row(task)["monitor_pid"], row(task)["monitor_start"]) == MONITOR


def test_a_process_is_not_noted_on_an_adopted_task():
    task = make(Status.STARTING)
    assert adopt(task)
    assert not transitions.note_process(task, COMMAND)
    assert row(task)["monitor_pid"] == MONITOR.pid


def test_adopting_names_both_processes_and_the_start():
    task = make(Status.STARTING)
    assert adopt(task)
    found = row(task)
    assert found["status"] == Status.RUNNING
    assert (found["monitor_pid"], found["command_pid"], found["host"]) == (100, 101, "here")
    assert found["started_at"] == found["heartbeat_at"] is not None


def test_adopting_again_after_a_lost_reply_succeeds_and_changes_nothing():
    task = make(Status.STARTING)
    adopt(task)
    before = row(task)
    assert adopt(task)
    assert row(task) == before


@pytest.mark.parametrize("status", but(Status.STARTING))
def test_only_a_starting_task_is_adopted(status):
    task = make(status)
    before = row(task)
    assert not adopt(task)
    assert row(task) == before


@pytest.mark.parametrize("changes", [{"lease": 2}, {"lease": 0}, {"name": "another"}])
def test_a_process_with_another_lease_or_command_does_not_adopt(changes):
    task = make(Status.STARTING)
    before = row(task)
    assert not adopt(task, **changes)
    assert row(task) == before


def test_a_second_monitor_does_not_adopt():
    task = make(Status.STARTING)
    adopt(task)
    before = row(task)
    assert not adopt(task, monitor=Process(200, 9))
    assert row(task) == before


def test_a_beat_renews_the_lease_and_stores_the_progress():
    long_ago = timezone.now() - timedelta(hours=1)
    task = make(Status.RUNNING, heartbeat_at=long_ago, stale_since=long_ago)
    assert transitions.beat(task.pk, 1, {"progress_current": 5}) == (True, False)
    found = row(task)
    assert found["heartbeat_at"] > long_ago
    assert (found["stale_since"], found["progress_current"]) == (None, 5)


def test_a_beat_learns_of_a_request_to_cancel():
    task = make(Status.RUNNING)
    transitions.request_cancel(task.pk, by_id=None)
    assert transitions.beat(task.pk, 1, {}) == (True, True)


@pytest.mark.parametrize(("status", "lease"), [(s, 1) for s in but(Status.RUNNING)] + [(Status.RUNNING, 2)])
def test_a_beat_for_a_task_of_somebody_else_says_so_and_changes_nothing(status, lease):
    task = make(status)
    before = row(task)
    assert transitions.beat(task.pk, lease, {"progress_current": 5}) == (False, False)
    assert row(task) == before


def test_finishing_writes_outcome_progress_and_time():
    task = make(Status.RUNNING)
    assert transitions.finish(task.pk, 1, DONE, measured={"progress_current": 9})
    found = row(task)
    assert (found["status"], found["result"], found["exit_code"]) == (Status.SUCCESSFUL, [1], 0)
    assert found["progress_current"] == 9
    assert found["finished_at"]


def test_a_task_is_finished_once():
    task = make(Status.RUNNING)
    transitions.finish(task.pk, 1, DONE)
    before = row(task)
    assert not transitions.finish(task.pk, 1, outcome.lost(None, ""))
    assert row(task) == before


def test_finishing_again_after_a_lost_reply_succeeds_and_changes_nothing():
    task = make(Status.RUNNING)
    transitions.finish(task.pk, 1, DONE)
    before = row(task)
    assert transitions.finish(task.pk, 1, DONE)
    assert row(task) == before


def test_of_two_who_reap_one_loses():
    task = make(Status.RUNNING)
    lost = outcome.lost(None, "")
    assert transitions.finish(task.pk, 1, lost, is_repeatable=False)
    assert not transitions.finish(task.pk, 1, lost, is_repeatable=False)


@pytest.mark.parametrize(
    ("status", "before", "lease"),
    [
        (Status.RUNNING, Status.RUNNING, 2),
        (Status.STARTING, Status.RUNNING, 1),
        (Status.RUNNING, Status.STARTING, 1),
        (Status.READY, Status.STARTING, 1),
        (Status.CANCELLED, Status.STARTING, 1),
    ],
)
def test_finishing_from_elsewhere_in_the_life_of_a_task_changes_nothing(status, before, lease):
    task = make(status)
    found = row(task)
    assert not transitions.finish(task.pk, lease, DONE, before=before)
    assert row(task) == found


def test_a_claim_in_vain_is_put_back():
    task = make(Status.STARTING, host="here", claimed_at=timezone.now())
    assert transitions.put_back(task)
    found = row(task)
    assert (found["status"], found["host"], found["claimed_at"], found["lease"]) == (Status.READY, "", None, 1)
    assert found["claims_in_vain"] == 1


def test_a_task_with_a_process_is_not_put_back():
    task = make(Status.STARTING)
    stale = TaskState.objects.get(pk=task.pk)
    transitions.note_process(task, MONITOR)
    before = row(task)
    assert not transitions.put_back(stale)
    assert row(task) == before


def test_a_later_claim_is_not_put_back_by_who_saw_the_earlier():
    task = make(Status.STARTING, lease=2)
    stale = TaskState.objects.get(pk=task.pk)
    stale.lease = 1
    before = row(task)
    assert not transitions.put_back(stale)
    assert row(task) == before


@pytest.mark.parametrize("status", but(Status.STARTING))
def test_only_a_starting_task_is_put_back(status):
    task = make(status)
    before = row(task)
    assert not transitions.put_back(task)
    assert row(task) == before


@pytest.mark.parametrize("status", [Status.READY, Status.STARTING])
def test_what_has_not_begun_is_cancelled_at_once(status):
    task = make(status)
    assert transitions.request_cancel(task.pk, by_id=None) == status
    assert row(task)["status"] == Status.CANCELLED
    assert row(task)["finished_at"]
    assert not adopt(task)


def test_what_runs_is_asked():
    task = make(Status.RUNNING)
    assert transitions.request_cancel(task.pk, by_id=None) == Status.RUNNING
    assert row(task)["status"] == Status.RUNNING
    assert row(task)["cancel_requested_at"]


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_what_is_finished_is_not_cancelled(status):
    task = make(status)
    before = row(task)
    assert transitions.request_cancel(task.pk, by_id=None) is None
    assert row(task) == before


def long_ago(seconds):
    return Now() - timedelta(seconds=seconds)


def test_a_heartbeat_that_stands_still_is_noted_and_then_given_up():
    task = make(Status.RUNNING, heartbeat_at=timezone.now() - timedelta(seconds=90))
    assert transitions.mark_stale(task, beat_before=long_ago(60))
    assert not transitions.mark_stale(task, beat_before=long_ago(60))
    assert not transitions.give_up(task, outcome.silent("there", 60), first_look_before=long_ago(60))
    TaskState.objects.update(stale_since=timezone.now() - timedelta(seconds=61))
    assert transitions.give_up(task, outcome.silent("there", 60), first_look_before=long_ago(60))
    assert row(task)["status"] == Status.LOST


def test_a_heartbeat_that_goes_on_is_neither_noted_nor_given_up():
    task = make(Status.RUNNING, heartbeat_at=timezone.now())
    assert not transitions.mark_stale(task, beat_before=long_ago(60))
    TaskState.objects.update(stale_since=timezone.now() - timedelta(seconds=90))
    transitions.beat(task.pk, 1, {})
    assert not transitions.give_up(task, outcome.silent("there", 60), first_look_before=long_ago(60))
    assert row(task)["status"] == Status.RUNNING


def test_who_asked_first_stays_on_the_row(django_user_model):
    ann, bob = (django_user_model.objects.create(username=name) for name in ("ann", "bob"))
    task = make(Status.RUNNING)
    assert transitions.request_cancel(task.pk, by_id=ann.pk) == Status.RUNNING
    before = row(task)
    assert transitions.request_cancel(task.pk, by_id=bob.pk) == Status.RUNNING
    assert not transitions.note_cancel_request(task, by_id=bob.pk)
    assert row(task) == before


@pytest.mark.parametrize("changes", [{"lease": 2}, {"status": Status.SUCCESSFUL}, {"status": Status.READY}])
def test_what_has_moved_on_since_the_look_is_not_given_up(changes):
    task = make(Status.RUNNING, stale_since=timezone.now() - timedelta(seconds=90))
    TaskState.objects.update(**changes)
    before = row(task)
    assert not transitions.give_up(task, outcome.silent("there", 60), first_look_before=long_ago(60))
    assert row(task) == before
