"""`GET /tasks/status`: how the tasks of a page are, in one answer."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone
from django.utils.http import urlencode

from brokerless.models import TaskState
from brokerless.processes import host_name
from tests.site.page_parts import Page


@pytest.fixture
def ask(program):
    def status(*tasks, client=program, **query):
        given = [("task", getattr(task, "pk", task)) for task in tasks]
        return client.get("/tasks/status?" + urlencode([*given, *query.items()]))

    return status


def running(**values):
    now = timezone.now()
    return {
        "status": "RUNNING",
        "host": "far",
        "heartbeat_at": now,
        "started_at": now - dt.timedelta(seconds=75),
    } | values


def test_it_says_how_each_task_is_and_how_many_there_are(ask, make_task, ann):
    goes_on = make_task(ann, **running(progress_current=9, progress_total=20))
    waits = make_task(ann)
    now = timezone.now()
    ended = make_task(ann, status="FAILED", started_at=now, finished_at=now + dt.timedelta(seconds=3))
    body = ask(goes_on, waits, ended).json()
    assert body["tasks"][str(goes_on.pk)] == {
        "status": "RUNNING",
        "cancelling": False,
        "is_finished": False,
        "text": "Running 45 %",
        "duration": "1 min 15 s",
    }
    assert body["tasks"][str(waits.pk)]["duration"] == ""
    assert body["tasks"][str(ended.pk)] | {"text": ""} == {
        "status": "FAILED",
        "cancelling": False,
        "is_finished": True,
        "text": "",
        "duration": "3.0 s",
    }
    assert (body["counts"], body["next_poll_ms"]) == ({"running": 1, "waiting": 1}, 2000)
    body = ask(ended, counts="0").json()
    assert ("counts" in body, body["next_poll_ms"]) == (False, 10_000)


def test_a_task_that_is_to_stop_says_so(ask, make_task, ann):
    task = make_task(ann, **running(cancel_requested_at=timezone.now(), progress_current=1, progress_total=2))
    found = ask(task).json()["tasks"][str(task.pk)]
    assert (found["text"], found["cancelling"]) == ("Cancelling", True)


def test_what_others_have_and_what_is_gone_is_absent_and_not_counted(
    ask, make_task, ann, bob, staff, program_of, person
):
    own, others, nobodys = make_task(ann), make_task(bob, **running()), make_task(None)
    asked = (own, others, nobodys, uuid.uuid4())
    seer = person("seer", "view_taskstate", is_staff=True)
    seen = {
        ann: ({own}, {"running": 0, "waiting": 1}),
        staff: ({nobodys}, {"running": 0, "waiting": 1}),
        seer: ({own, others, nobodys}, {"running": 1, "waiting": 2}),
    }
    for user, (tasks, counts) in seen.items():
        body = ask(*asked, client=program_of(user)).json()
        assert (set(body["tasks"]), body["counts"]) == ({str(task.pk) for task in tasks}, counts)


def test_the_same_again_is_304(ask, program, make_task, ann):
    task = make_task(ann)
    etag = ask(task)["ETag"]
    address = f"/tasks/status?task={task.pk}"
    assert program.get(address, headers={"if-none-match": etag}).status_code == 304
    TaskState.objects.update(status="FAILED")
    assert program.get(address, headers={"if-none-match": etag}).status_code == 200


def test_it_is_two_queries_beside_those_for_the_user(ask, make_task, ann, django_assert_num_queries):
    tasks = [make_task(ann, **running()) for _ in range(100)]
    ask(*tasks)
    with django_assert_num_queries(4):
        assert len(ask(*tasks).json()["tasks"]) == 100


@pytest.mark.django_db(transaction=True)
def test_a_task_whose_monitor_is_gone_is_told_as_it_is(ask, make_task, ann):
    task = make_task(ann, **running(host=host_name(), monitor_pid=2**22 - 3, monitor_start=1, lease=1, attempt=1))
    assert ask(task).json()["tasks"][str(task.pk)]["status"] == "LOST"


@pytest.mark.parametrize(
    "query",
    ["task=x", "task=", "newer_than=x", "newer_than=", f"{'&'.join(f'task={uuid.uuid4()}' for _ in range(101))}"],
)
def test_what_names_no_tasks_or_too_many_is_refused(program, query):
    assert program.get(f"/tasks/status?{query}").status_code == 400


def test_who_is_not_logged_in_is_told_so(ask, site, program_of):
    assert ask(uuid.uuid4(), client=program_of(None)).status_code == 401


def test_the_first_page_learns_of_newer_tasks_that_its_user_sees(browser, ask, make_task, ann, bob):
    def shown(query=""):
        page = Page(browser.get(f"/tasks/{query}").content.decode())
        return next((values["data-newest"] for _, values in page.elements if "data-newest" in values), None)

    newest = make_task(ann)
    place = shown()
    make_task(bob)
    assert ask(newer_than=place).json()["newer"] is False
    later = make_task(ann)
    assert ask(newer_than=place).json()["newer"] is True
    later.delete()
    assert ask(newer_than=place).json()["newer"] is False
    assert "newer" not in ask(newest).json()
    assert shown("?status=READY") is None


def test_each_row_can_be_kept_up_to_date(browser, make_task, ann):
    task = make_task(ann, **running())
    page = Page(browser.get("/tasks/").content.decode())
    assert page.count("task-status", data_task=str(task.pk), data_status="RUNNING", data_url="/tasks/status") == 1
    assert page.count("span", data_duration=str(task.pk)) == page.count("b", data_count="running") == 1
