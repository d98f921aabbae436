"""What a launch may ask for, and how many unfinished tasks an owner may have."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from brokerless import launch, transitions
from brokerless.exceptions import InvalidArguments, TooManyTasks, UnknownQueue
from brokerless.models import TaskState
from tests.at_once import at_once

Status = TaskState.Status
AWARE = "but must be an aware datetime, such as timezone.now() + timedelta(hours=1)."


@pytest.fixture
def configure(settings):
    def change(**entries):
        settings.BROKERLESS = settings.BROKERLESS | entries

    return change


def person(name):
    return get_user_model().objects.create(username=name)


def launch_probe(**keywords):
    return launch("probe", arguments=["succeed"], **keywords)


@pytest.mark.django_db
def test_the_row_holds_what_was_given(dispatched, configure):
    configure(QUEUES={"exports": {"timeout": 60, "memory_limit": 7, "nice": 10, "max_attempts": 3}})
    given = {"priority": -100, "timeout": 0.5, "memory_limit": 10**12, "nice": 0, "max_attempts": 1}
    given |= {"queue": "exports", "run_after": timezone.now() + timedelta(hours=1)}
    task = launch_probe(**given)
    task.refresh_from_db()
    assert {name: getattr(task, name) for name in given} == given


@pytest.mark.django_db
def test_what_is_not_given_comes_from_the_queue(dispatched, configure):
    limits = {"timeout": 60, "memory_limit": 512_000_000, "nice": 10, "max_attempts": 3}
    configure(QUEUES={"exports": {"limit": 2, **limits}, "default": {"nice": 5}})
    task = launch_probe(queue="exports")
    assert {name: getattr(task, name) for name in limits} == limits
    assert (launch_probe().nice, launch_probe().timeout) == (5, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"priority": 101}, "priority is 101, but must be a whole number from -100 to 100."),
        ({"priority": -101}, "priority is -101, but must be a whole number from -100 to 100."),
        ({"priority": "high"}, "priority is 'high', but must be a whole number from -100 to 100."),
        ({"priority": 0.5}, "priority is 0.5, but must be a whole number from -100 to 100."),
        ({"priority": True}, "priority is True, but must be a whole number from -100 to 100."),
        ({"timeout": 10**400}, f"timeout is {10**400}, but must be seconds, more than 0."),
        ({"timeout": 0}, "timeout is 0, but must be seconds, more than 0."),
        ({"timeout": -1.5}, "timeout is -1.5, but must be seconds, more than 0."),
        ({"timeout": float("inf")}, "timeout is inf, but must be seconds, more than 0."),
        ({"timeout": True}, "timeout is True, but must be seconds, more than 0."),
        ({"timeout": timedelta(1)}, "timeout is datetime.timedelta(days=1), but must be seconds, more than 0."),
        ({"memory_limit": 0}, "memory_limit is 0, but must be at least 1."),
        ({"memory_limit": 2**63}, f"memory_limit is {2**63}, but must be at most {2**63 - 1}."),
        ({"unique_key": 7}, "unique_key is 7, but must be text."),
        ({"memory_limit": "512M"}, "memory_limit is '512M', but must be a whole number."),
        ({"nice": 20}, "nice is 20, but must be from 0 to 19."),
        ({"nice": -5}, "nice is -5, but must be from 0 to 19."),
        ({"max_attempts": 0}, "max_attempts is 0, but must be at least 1."),
        ({"max_attempts": False}, "max_attempts is False, but must be a whole number."),
        (
            {"run_after": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is wrong with it
            f"run_after is datetime.datetime(2026, 1, 1, 0, 0), {AWARE}",
        ),
        (
            {"run_after": 60},
            f"run_after is 60, {AWARE}",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_the_right_ones_and_nothing_is_recorded(dispatched, keywords, text):
    with pytest.raises(InvalidArguments) as raised:
        launch_probe(**keywords)
    assert str(raised.value) == text
    assert not TaskState.objects.exists()
    assert dispatched == []


@pytest.mark.django_db
def test_an_unknown_queue_is_refused_and_nothing_is_recorded(dispatched):
    with pytest.raises(UnknownQueue, match="There is no queue 'typo'"):
        launch_probe(queue="typo")
    assert not TaskState.objects.exists()


@pytest.mark.django_db
def test_an_owner_who_has_as_many_unfinished_tasks_as_allowed_gets_no_more(dispatched, configure):
    configure(MAX_UNFINISHED_PER_OWNER=3)
    ann, bob = person("ann"), person("bob")
    for status in sorted(TaskState.UNFINISHED):
        TaskState.objects.create(command="probe", owner=ann, status=status)
    with pytest.raises(TooManyTasks) as raised:
        launch_probe(owner=ann)
    assert str(raised.value) == (
        "There are 3 unfinished tasks of this owner, the most that BROKERLESS['MAX_UNFINISHED_PER_OWNER'] allows: "
        "wait until some have ended, or cancel some."
    )
    assert raised.value.most == 3
    assert TaskState.objects.count() == 3
    assert launch_probe(owner=bob).owner == bob
    assert launch_probe().owner is None
    TaskState.objects.filter(status=Status.RUNNING).update(status=Status.FAILED)
    assert launch_probe(owner=ann).status == Status.READY


@pytest.mark.django_db
def test_finished_tasks_are_not_counted_and_without_an_entry_there_may_be_a_hundred(dispatched):
    ann = person("ann")
    for status in sorted(TaskState.FINISHED):
        TaskState.objects.create(command="probe", owner=ann, status=status)
    TaskState.objects.bulk_create(TaskState(command="probe", owner=ann) for _ in range(99))
    launch_probe(owner=ann)
    with pytest.raises(TooManyTasks):
        launch_probe(owner=ann)


@pytest.mark.django_db
def test_without_a_limit_any_number_may_wait(dispatched, configure):
    configure(MAX_UNFINISHED_PER_OWNER=None)
    ann = person("ann")
    TaskState.objects.bulk_create(TaskState(command="probe", owner=ann) for _ in range(150))
    assert launch_probe(owner=ann).status == Status.READY


def test_being_refused_leaves_the_caller_s_transaction_usable(each_database, dispatched, configure):
    configure(MAX_UNFINISHED_PER_OWNER=1)
    ann = person("ann")
    with transaction.atomic():
        launch_probe(owner=ann)
        with pytest.raises(TooManyTasks):
            launch_probe(owner=ann)
        person("bob")
    assert (TaskState.objects.count(), get_user_model().objects.count()) == (1, 2)


@pytest.mark.parametrize("repetition", range(3))
def test_of_many_launches_at_once_no_more_are_recorded_than_the_owner_may_have(
    each_database, dispatched, configure, repetition
):
    configure(MAX_UNFINISHED_PER_OWNER=5)
    people = [person(f"person {number}") for number in range(2)]

    def launch_or_not(number):
        try:
            launch_probe(owner=people[number % 2])
        except TooManyTasks:
            return "refused"
        return "recorded"

    answers = at_once(16, launch_or_not)
    assert (answers.count("recorded"), answers.count("refused")) == (10, 6)
    assert {TaskState.objects.filter(owner=one).count() for one in people} == {5}


def test_a_finish_at_the_same_moment_makes_room_at_most_once(each_database, dispatched, configure):
    configure(MAX_UNFINISHED_PER_OWNER=4)
    ann = person("ann")
    waiting = [launch_probe(owner=ann) for _ in range(4)]

    def act(number):
        if number < 2:
            return transitions.request_cancel(waiting[number].pk, by_id=None)
        try:
            return launch_probe(owner=ann).status
        except TooManyTasks:
            return None

    at_once(10, act)
    unfinished = TaskState.objects.unfinished().filter(owner=ann).count()
    assert 2 <= unfinished <= 4


def test_a_launch_does_not_hold_up_what_refers_to_the_owner(postgres, dispatched):
    """The lock on the owner is the weaker one: a row of another table that names the owner is still inserted."""
    ann = person("ann")

    def refer(number):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '2s'")
        TaskState.objects.create(command="probe", owner_id=ann.pk)

    with transaction.atomic():
        launch_probe(owner=ann)
        at_once(1, refer)
    assert TaskState.objects.filter(owner=ann).count() == 2
