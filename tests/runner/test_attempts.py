"""The end of an attempt: final, or another one after a pause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from brokerless import attempts, leftovers, reap, transitions
from brokerless.attempts import backoff, settle
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process, host_name

Status = TaskState.Status
FAILED = Outcome(Status.FAILED, error_type="ValueError", error_title="no", error_detail="why", exit_code=1)
KILLED = Outcome(Status.FAILED, error_type="killed-by-signal", error_title="killed", exit_signal=9)
LOST = Outcome(Status.LOST, error_type="lost", error_title="gone")
COMES_NEXT = {
    "status", "errors", "run_after", "version", "host", "monitor_pid", "monitor_start", "command_pid",
    "command_start", "claimed_at", "started_at", "heartbeat_at", "stale_since", "progress_current",
    "progress_total", "progress_unit", "progress_message", "progress_rate", "cpu_seconds", "peak_memory",
}  # fmt: skip


@pytest.fixture
def pauses(settings):
    """Set the pauses between attempts."""

    def change(pause, longest=3600):
        settings.BROKERLESS = settings.BROKERLESS | {"RETRY_PAUSE": pause, "LONGEST_RETRY_PAUSE": longest}

    return change


def make(status=Status.RUNNING, **fields):
    """Record a task in its first attempt of three."""
    now = timezone.now()
    own = {"lease": 4, "attempt": 1, "max_attempts": 3, "host": "here", "monitor_pid": 7, "monitor_start": 8}
    own |= {"command_pid": 9, "command_start": 1, "claimed_at": now, "started_at": now, "heartbeat_at": now}
    own |= {"progress_current": 5, "progress_total": 6, "progress_unit": "books", "progress_message": "Reading"}
    own |= {"progress_rate": 0.5, "cpu_seconds": 1.5, "peak_memory": 10, "stale_since": now}
    return TaskState.objects.create(command="probe", status=status, **own | fields)


def row(task):
    return TaskState.objects.filter(pk=task.pk).values().get()


@pytest.mark.parametrize(
    ("attempt", "longest"), [(0, 5), (1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (30_000, 3600)]
)
def test_the_pause_doubles_up_to_an_hour_and_is_shortened_at_random(attempt, longest):
    found = [backoff(attempt).total_seconds() for _ in range(200)]
    assert longest / 2 <= min(found) < longest * 0.6
    assert longest * 0.9 < max(found) <= longest


def test_the_pauses_can_be_set(pauses):
    pauses(0.5, longest=1.5)
    assert 0.25 <= backoff(1).total_seconds() <= 0.5
    assert 0.75 <= backoff(9).total_seconds() <= 1.5


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [FAILED, KILLED, LOST])
def test_a_failed_attempt_is_followed_by_another_and_leaves_nothing_but_its_error(outcome):
    task = make()
    before, began = row(task), timezone.now()
    assert settle(task, outcome, measured={"progress_current": 6}) == Status.READY
    found = row(task)
    assert {name for name in found if found[name] != before[name]} == COMES_NEXT
    assert {name for name in COMES_NEXT if found[name] in (None, "")} == COMES_NEXT - {
        "status", "errors", "run_after", "version"
    }  # fmt: skip
    assert timedelta(seconds=4.9) < found["run_after"] - began < timedelta(seconds=11)
    (error,) = found["errors"]
    assert abs(timezone.datetime.fromisoformat(error.pop("at")) - began) < timedelta(seconds=5)
    assert error == {
        "attempt": 1,
        "lease": 4,
        "worker": "here/7",
        "run_after": None,
        "started_at": before["started_at"].isoformat(),
        "class": outcome.error_class,
        "type": outcome.error_type,
        "title": outcome.error_title,
        "detail": outcome.error_detail,
        "exit_code": outcome.exit_code,
        "exit_signal": outcome.exit_signal,
    }


@pytest.mark.django_db
def test_errors_are_kept_in_their_order():
    task = make(attempt=2, errors=[{"attempt": 1, "type": "first"}])
    settle(task, FAILED)
    errors = row(task)["errors"]
    assert [(error["attempt"], error["type"]) for error in errors] == [(1, "first"), (2, "ValueError")]


@pytest.mark.django_db
def test_of_a_long_error_the_end_is_kept():
    task = make()
    settle(task, replace(FAILED, error_detail="begin" + "x" * 50_000 + "end", error_title="t" * 5000))
    (error,) = row(task)["errors"]
    assert (len(error["detail"]), error["detail"][-4:]) == (attempts.DETAIL_LIMIT, "xend")
    assert len(error["title"]) == 500


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outcome", "fields", "status"),
    [
        (FAILED, {"attempt": 3}, Status.FAILED),
        (LOST, {"attempt": 3}, Status.LOST),
        (FAILED, {"max_attempts": 1}, Status.FAILED),
        (FAILED, {"attempt": 0, "max_attempts": 1}, Status.FAILED),
        (FAILED, {"attempt": 9}, Status.FAILED),
        (replace(FAILED, is_final=True), {}, Status.FAILED),
        (replace(LOST, is_final=True), {}, Status.LOST),
        (FAILED, {"cancel_requested_at": timezone.now()}, Status.CANCELLED),
        (Outcome(Status.SUCCESSFUL), {}, Status.SUCCESSFUL),
        (Outcome(Status.SUCCESSFUL), {"cancel_requested_at": timezone.now()}, Status.SUCCESSFUL),
        (Outcome(Status.CANCELLED), {}, Status.CANCELLED),
        (LOST, {"cancel_requested_at": timezone.now()}, Status.LOST),
    ],
)
def test_the_last_attempt_a_final_error_and_any_other_end_is_the_end(outcome, fields, status):
    task = make(**fields)
    assert settle(task, outcome, measured={"progress_current": 6}) == status
    found = row(task)
    assert (found["status"], found["errors"], found["progress_current"]) == (status, [], 6)
    assert found["finished_at"]


@pytest.mark.django_db
def test_a_cancel_that_nobody_has_seen_yet_comes_before_another_attempt():
    task = make()
    transitions.request_cancel(task.pk, by_id=None)  # behind the back of `task`
    assert settle(task, KILLED) == Status.CANCELLED
    found = row(task)
    assert (found["status"], found["exit_signal"], found["error_type"]) == (Status.CANCELLED, 9, "")
    assert found["errors"] == []


@pytest.mark.django_db
def test_a_failure_before_the_adoption_is_no_attempt_and_is_not_tried_again():
    task = make(Status.STARTING, attempt=0)
    assert settle(task, FAILED) == Status.FAILED
    assert row(task)["status"] == Status.FAILED


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [FAILED, LOST, Outcome(Status.SUCCESSFUL)])
@pytest.mark.parametrize(
    "changes",
    [{"lease": 5}, {"lease": 5, "attempt": 2}, {"status": Status.READY, "lease": 5}]
    + [{"status": status} for status in sorted(TaskState.FINISHED)],
)
def test_whoever_comes_second_changes_nothing(outcome, changes):
    task = make()
    TaskState.objects.update(**changes)
    before = row(task)
    expected = None
    if changes == {"status": outcome.status} and outcome.error_type == "":
        expected = outcome.status  # cannot be told from an own write whose reply was lost
    assert settle(task, outcome) == expected
    assert row(task) == before


@pytest.mark.django_db
def test_a_lost_reply_is_no_second_attempt(monkeypatch):
    task = make()
    real = transitions._update
    monkeypatch.setattr(transitions, "_update", lambda where, **changes: real(where, **changes) and False)
    assert settle(task, FAILED) == Status.READY
    before = row(task)
    assert len(before["errors"]) == 1
    assert settle(task, FAILED) == Status.READY  # as the monitor does after an error of the database
    assert row(task) == before


@pytest.mark.django_db
def test_of_two_who_reap_one_alone_tries_again():
    tasks = [make(), None]
    tasks[1] = TaskState.objects.get()
    assert settle(tasks[0], LOST, is_repeatable=False) == Status.READY
    before = row(tasks[0])
    assert settle(tasks[1], LOST, is_repeatable=False) is None
    assert row(tasks[0]) == before


NOBODY = Process(2**22 - 1, 1)  # above every pid that a default kernel gives


def make_dead(**fields):
    return make(host=host_name(), monitor_pid=NOBODY.pid, monitor_start=NOBODY.start, command_pid=None, **fields)


@pytest.mark.django_db
def test_a_lost_attempt_is_tried_again_once_its_processes_are_known_dead(runtime_dir):
    task = make_dead()
    assert reap.look_at(task)
    found = row(task)
    assert (found["status"], [error["type"] for error in found["errors"]]) == (Status.READY, ["lost"])


@pytest.mark.django_db
def test_a_lost_attempt_is_not_tried_again_while_a_process_of_it_will_not_die(runtime_dir, monkeypatch):
    monkeypatch.setattr(leftovers, "kill_marked", lambda marks: 1)
    task = make_dead()
    assert reap.look_at(task)
    assert (row(task)["status"], row(task)["errors"]) == (Status.LOST, [])


@pytest.mark.django_db
def test_a_lost_attempt_on_another_host_is_not_tried_again_as_it_may_live_there():
    long_ago = timezone.now() - timedelta(seconds=200)
    task = make(host="another", heartbeat_at=long_ago, stale_since=long_ago)
    assert reap.look_at(task)
    assert (row(task)["status"], row(task)["attempt"]) == (Status.LOST, 1)


@pytest.mark.django_db
def test_a_request_to_cancel_ends_what_waits_for_another_attempt():
    task = make()
    settle(task, FAILED)
    assert transitions.request_cancel(task.pk, by_id=None) == Status.READY
    found = row(task)
    assert (found["status"], len(found["errors"])) == (Status.CANCELLED, 1)


@pytest.mark.django_db
def test_the_next_attempt_is_counted_at_its_adoption():
    task = make(Status.READY, attempt=1, claims_in_vain=2, lease=4)
    transitions.claim(task, host="here")
    assert row(task)["attempt"] == 1
    here = {"name": "probe", "host": "here", "monitor": NOBODY, "command": NOBODY}
    for _ in range(2):  # the second time as after a lost reply
        assert transitions.adopt(task.pk, task.lease, **here)
        assert (row(task)["attempt"], row(task)["claims_in_vain"]) == (2, 0)
    assert TaskState.objects.filter(started_at=F("heartbeat_at")).exists()
