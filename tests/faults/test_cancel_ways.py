"""Cancelling at every stage and in every way: from the page, by JSON, from Python, from another host."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from brokerless import tick
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left, effects
from tests.faults.others import ELSEWHERE

Status = TaskState.Status
BEAT = 4.0  # seconds: another host's request is seen at the next beat; generous, for a machine under load
CANCEL_ELSEWHERE = """
from django.contrib.auth import get_user_model
from brokerless.models import TaskState
print(TaskState.objects.get().cancel(by=get_user_model().objects.get()))
"""


@pytest.fixture
def ann(transactional_db, django_user_model):
    return django_user_model.objects.create_user("ann", is_superuser=True)


def from_the_page(task, ann, _):
    client = Client()
    client.force_login(ann)
    response = client.post(f"/tasks/{task.pk}/cancel")
    assert (response.status_code, response.url) == (303, f"/tasks/{task.pk}/")


def by_json(task, ann, _):
    client = Client(headers={"accept": "application/json"})
    client.force_login(ann)
    response = client.post(f"/tasks/{task.pk}/cancel")
    assert response.status_code == 202
    assert response.json()["status"] == "CANCELLED" or response.json()["cancelling"]


def from_python(task, ann, _):
    assert TaskState.objects.get(pk=task.pk).cancel(by=ann)


def from_another_host(_task, _ann, others):
    assert others.run(CANCEL_ELSEWHERE, host=ELSEWHERE).split() == ["True"]


WAYS = [from_the_page, by_json, from_python, from_another_host]


def hold_starts(processes):
    """Have processes wait before they become Python, until the word."""
    hold = f'while [ ! -e "{processes.words}/go" ]; do sleep 0.01; done; exec "$@"'
    processes.configure(PREFIX=["sh", "-c", hold, "sh"])


def assert_cancelled_by(ann, task, since):
    assert_ended_as(task, Status.CANCELLED)
    assert task.error_title == ""
    assert task.cancel_requested_by == ann
    # The database's clock and this one are of one machine here.
    assert since - timedelta(seconds=1) <= task.cancel_requested_at <= task.finished_at


@pytest.mark.parametrize("way", WAYS)
def test_a_ready_task(processes, others, ann, way):
    since = timezone.now()
    task = processes.launch("work_at_word", owner=ann, run_after=since + timedelta(hours=1))
    assert processes.read(task).status == Status.READY
    way(task, ann, others)
    assert_cancelled_by(ann, processes.read(task), since)
    TaskState.objects.update(run_after=None)
    assert tick.tick() == (0, 0)
    assert effects(processes) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_starting_task(processes, others, ann, way):
    since = timezone.now()
    hold_starts(processes)
    task = processes.launch("work_at_word", owner=ann)
    assert processes.read(task).status == Status.STARTING
    way(task, ann, others)
    assert_cancelled_by(ann, processes.read(task), since)
    processes.say()  # only a process that was not ended by then hears it; it may not adopt
    eventually(lambda: not processes.living(), why="the process that was starting has ended")
    assert_cancelled_by(ann, processes.read(task), since)
    assert effects(processes) == []
    assert_nothing_is_left(processes, processes.read(task))


@pytest.mark.parametrize("way", WAYS)
def test_a_running_task(processes, others, ann, way):
    since = timezone.now()
    task = processes.launch("clean_up_on_term", owner=ann)
    processes.await_word("started", task)
    way(task, ann, others)
    ended = processes.await_end(task, within=BEAT, look=False)
    assert_cancelled_by(ann, ended, since)
    assert processes.has_heard("cleaned")
    assert_nothing_is_left(processes, ended)


def test_a_start_that_hangs_and_was_cancelled_from_another_host_is_ended_by_its_own(processes, others, ann):
    """Nobody there can signal it; here, whoever looks next can."""
    processes.configure(MAX_PROCESSES=1)
    hold_starts(processes)  # and the word never comes
    task = processes.launch("work_at_word", owner=ann)
    from_another_host(task, ann, others)
    assert processes.read(task).status == Status.CANCELLED
    TaskState.objects.update(claimed_at=timezone.now() - timedelta(hours=1))
    tick.tick()
    eventually(lambda: not processes.living(), within=5.0, why="the hanging process was ended")


def test_a_start_whose_process_was_never_noted_is_ended_when_it_is_cancelled(processes, monkeypatch):
    """The launching process was killed before it could note it, and it hangs."""
    hold_starts(processes)
    monkeypatch.setattr("brokerless.transitions.note_process", lambda *_: False)
    task = processes.launch("work_at_word")
    assert processes.read(task).monitor_pid is None
    assert len(processes.living()) >= 1
    assert task.cancel()
    tick.tick()
    eventually(lambda: not processes.living(), within=5.0, why="the hanging process was ended")
