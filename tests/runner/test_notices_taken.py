"""Each notice and each end is handed out once, whoever asks at the same moment, and with what effort."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brokerless import notices, transitions
from brokerless.models import TaskState
from brokerless.notices import SaidNotices, look, take, unshown
from tests.at_once import at_once
from tests.runner.many_rows import make_many, plan_of

Status = TaskState.Status
TABS = 4


@pytest.fixture
def ann(transactional_db, django_user_model):
    return django_user_model.objects.create_user("ann")


def make_running(owner, count):
    """Record running tasks that have said something twice."""
    now = timezone.now().isoformat()
    said = [{"number": number, "at": now, "text": str(number)} for number in (1, 2)]
    return [
        TaskState.objects.create(
            command="probe", owner=owner, status=Status.RUNNING, lease=1, notices=said, notices_count=2
        )
        for _ in range(count)
    ]


def take_all(owner):
    """Return the ids that one tab is given until there is no more."""
    found = []
    while unshown(owner):
        found += [each.id for each in take(owner)]
    return found


def test_tabs_that_ask_at_once_are_given_each_notice_once(each_database, django_user_model):
    ann = django_user_model.objects.create_user("ann")
    tasks = make_running(ann, 6)
    TaskState.objects.filter(pk=tasks[0].pk).update(status=Status.FAILED, finished_at=timezone.now())
    given = at_once(TABS, lambda _: take_all(ann))
    expected = [f"{task.pk}:{number}" for task in tasks for number in (1, 2)] + [f"{tasks[0].pk}:end"]
    assert sorted(name for names in given for name in names) == sorted(expected)


def test_tabs_and_monitors_do_not_get_in_each_other_s_way(each_database, django_user_model):
    """A beat and the end write other columns than those that say what was shown."""
    ann = django_user_model.objects.create_user("ann")
    tasks = make_running(ann, 3)

    def act(number):
        if number >= len(tasks):
            return take_all(ann)
        task = tasks[number]
        said = SaidNotices(task)
        for text in "abc":
            said.add(text)
            assert transitions.beat(task.pk, 1, said.read()).owned
        return []

    given = [name for names in at_once(len(tasks) + 2, act) for name in names] + take_all(ann)
    assert sorted(given) == sorted(f"{task.pk}:{number}" for task in tasks for number in range(1, 6))
    # Three beats each, and nothing else that a reader of the task could see.
    assert {task.version for task in TaskState.objects.all()} == {3}


def test_who_looked_before_somebody_took_is_given_nothing(ann, monkeypatch):
    [task] = make_running(ann, 1)
    TaskState.objects.update(status=Status.FAILED, finished_at=timezone.now())
    seen_before = unshown(ann)
    assert len(take(ann)) == len(seen_before) == 3
    monkeypatch.setattr(notices, "unshown", lambda _: seen_before)
    assert take(ann) == []
    task.refresh_from_db()
    assert task.notices_shown == 2


def test_what_was_taken_before_the_lock_was_waited_for_in_vain_is_handed_out(ann, monkeypatch):
    """It is marked as shown: an error would lose it."""
    make_running(ann, 2)
    calls = []

    def update(self, **values):
        calls.append(values)
        if len(calls) > 1:
            raise OperationalError("database is locked")
        return usual(self, **values)

    usual = type(TaskState.objects.all()).update
    monkeypatch.setattr(type(TaskState.objects.all()), "update", update)
    assert len(take(ann)) == 2
    monkeypatch.undo()
    assert len(take_all(ann)) == 2


def test_in_a_transaction_such_an_error_takes_back_what_was_taken(ann, monkeypatch):
    make_running(ann, 1)

    def update(self, **values):
        raise OperationalError("database is locked")

    monkeypatch.setattr(type(TaskState.objects.all()), "update", update)
    with pytest.raises(OperationalError), transaction.atomic():
        take(ann)
    monkeypatch.undo()
    assert len(take_all(ann)) == 2


@pytest.mark.parametrize("database", ["usual", "postgres"])
@pytest.mark.proof
def test_among_a_hundred_thousand_rows_of_one_owner_a_look_reads_few(
    transactional_db, request, database, django_user_model
):
    if database == "postgres":
        request.getfixturevalue("postgres")
    ann = django_user_model.objects.create_user("ann")
    make_many(owner=ann, end_shown_at=timezone.now() - timedelta(days=60))
    make_running(ann, 3)
    with CaptureQueriesContext(connection) as queries:
        assert len(look(ann).unfinished) == 3
    plans = [plan_of(query["sql"]) for query in queries]
    assert len(plans) == 2
    for plan in plans:
        # Of one index, in its order: nothing is read that is not looked at.
        assert "brokerless_owner_finished" in plan or "brokerless_owner_status" in plan
        assert "sort" not in plan.lower()
        assert "b-tree" not in plan.lower()


def saying(owner, *ages, **values):
    """Record a running task that has said as much, each so many hours ago."""
    now = timezone.now()
    said = [
        {"number": number, "at": (now - timedelta(hours=age)).isoformat(), "text": str(number)}
        for number, age in enumerate(ages, 1)
    ]
    usual = {"command": "probe", "status": Status.RUNNING, "notices": said, "notices_count": len(said)}
    return TaskState.objects.create(owner=owner, **usual | values)


def numbers(news):
    return [each.number for each in news]


def test_to_name_a_later_notice_loses_no_earlier_one(ann):
    task = saying(ann, 0, 0, 0)
    assert take(ann, ids={f"{task.pk}:2"}) == []
    assert numbers(take(ann, ids={f"{task.pk}:1", f"{task.pk}:3"})) == [1]
    TaskState.objects.update(status=Status.FAILED, finished_at=timezone.now())
    assert numbers(take(ann, ids={f"{task.pk}:3", f"{task.pk}:end"})) == [None]
    assert numbers(take(ann)) == [2, 3]


def test_a_clock_that_was_put_back_loses_and_turns_round_nothing(ann, monkeypatch):
    monkeypatch.setattr(notices, "TAKEN_LIMIT", 1)
    ended = timezone.now() - timedelta(hours=3)
    saying(ann, 1, 2, status=Status.FAILED, finished_at=ended)
    assert [numbers(take(ann)) for _ in range(4)] == [[1], [2], [None], []]


def test_among_very_many_that_wait_what_runs_is_told_of(ann, monkeypatch):
    monkeypatch.setattr(notices, "UNFINISHED_LIMIT", 4)
    old = timezone.now() - timedelta(days=1)
    for _ in range(6):
        TaskState.objects.create(command="probe", owner=ann, status=Status.READY, created_at=old)
    task = saying(ann, 0)
    found = look(ann)
    assert (found.running, found.waiting) == (1, 6)
    assert found.unfinished[0] == task
    assert numbers(found.unshown) == [1]


def test_of_very_many_ends_each_is_told(ann, monkeypatch):
    monkeypatch.setattr(notices, "ENDED_LIMIT", 2)
    ended = {"status": Status.FAILED, "finished_at": timezone.now()}
    tasks = {saying(ann, *said, **ended) for said in ([], [], [], [0], [0])}
    TaskState.objects.filter(notices_count=1).update(end_shown_at=timezone.now())
    given = [each.task for _ in range(3) for each in take(ann)]
    assert (len(given), set(given)) == (5, tasks)
