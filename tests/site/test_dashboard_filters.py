"""The filters of the list: what they leave, what they refuse, and that the page keeps them."""

from __future__ import annotations

import datetime as dt
from html import unescape

import pytest
from django.utils import timezone

from tests.site.page_parts import Page


def titles(response) -> list[str]:
    assert response.status_code == 200, response.content
    return sorted(task["title"] for task in response.json()["tasks"])


@pytest.fixture
def some_tasks(make_task, ann, bob, staff):
    now = timezone.now()
    make_task(ann, title="waits", queue="exports")
    make_task(ann, title="runs", status="RUNNING", host="far", heartbeat_at=now)
    make_task(ann, title="stops", status="RUNNING", host="far", heartbeat_at=now, cancel_requested_at=now)
    make_task(ann, title="stopped", status="CANCELLED", cancel_requested_at=now)
    make_task(ann, title="old", status="FAILED", created_at=now - dt.timedelta(days=3))
    make_task(ann, title="ancient", status="FAILED", created_at=dt.datetime(2020, 1, 2, 3, 4, tzinfo=dt.UTC))
    make_task(bob, title="bob's", status="FAILED")
    make_task(staff, title="staff's", status="FAILED")
    make_task(None, title="nobody's", status="FAILED")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=UNFINISHED", "runs stops waits"),
        ("status=CANCELLING", "stops"),
        ("status=RUNNING", "runs stops"),
        ("status=CANCELLED", "stopped"),
        ("queue=exports", "waits"),
        ("queue=exports&status=FAILED", ""),
        ("period=hour", "runs stopped stops waits"),
        ("period=day&status=FAILED", ""),
        ("period=week&status=FAILED", "old"),
        ("until=2020-01-02T03:04:00Z", "ancient"),
        ("until=2020-01-02T03:04:00%2B01:00", ""),
        ("since=2020-01-02T03:04&until=2021-01-01", "ancient"),
        ("since=2020-01-02T03:04:01&status=FAILED", "old"),
        ("since=1000-01-01&until=9000-01-01T00:00&status=FAILED", "ancient old"),
        ("q=&status=&queue=&owner=&period=&since=&until=&unknown=7", "ancient old runs stopped stops waits"),
    ],
)
def test_each_filter_leaves_what_it_says(program, some_tasks, query, found):
    assert titles(program.get(f"/tasks/?{query}")) == found.split()


@pytest.mark.parametrize(
    ("owner", "found"),
    [
        ("bob", ["bob's"]),
        ("me", ["staff's"]),
        ("nobody", ["nobody's"]),
        ("no such user", []),
        ("b_b", []),
        ("BOB", []),
    ],
)
def test_staff_choose_whose_tasks_they_see(program_of, person, some_tasks, staff, owner, found):
    seer = person("seer", "view_taskstate", is_staff=True)
    seen = found if owner != "me" else []
    assert titles(program_of(seer).get("/tasks/", {"owner": owner})) == seen
    # Without the permission they see their own and nobody's, however they ask; and learn of no user.
    own = found if owner in {"me", "nobody"} else []
    assert titles(program_of(staff).get("/tasks/", {"owner": owner})) == own


def test_who_is_no_staff_chooses_no_owner(program, browser, some_tasks):
    for owner in ("bob", "ann", "me"):
        problem = program.get("/tasks/", {"owner": owner})
        assert (problem.status_code, list(problem.json()["errors"])) == (400, ["owner"])
    assert 'name="owner"' not in browser.get("/tasks/").content.decode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=DONE", "status"),
        ("status=unfinished", "status"),
        ("period=year", "period"),
        ("since=yesterday", "since"),
        ("since=2026-13-41", "since"),
        ("until=0001-01-01T00:00%2B14:00", "until"),
        ("until=9999-12-31T23:59-14:00", "until"),
        ("q=a%00b", "q"),
        ("queue=a%00b", "queue"),
        (f"q={'x' * 201}", "q"),
        (f"command={'x' * 201}", "command"),
        (f"status={'x' * 9000}", "status"),
        (f"since={'9' * 9000}", "since"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(program, browser, some_tasks, query, field):
    problem = program.get(f"/tasks/?{query}")
    assert problem.status_code == 400
    assert list(problem.json()["errors"]) == [field]
    assert len(problem.json()["detail"]) < 400
    response = browser.get(f"/tasks/?{query}")
    page = response.content.decode()
    assert (response.status_code, 'class="errorlist"' in page, "<table" in page) == (400, True, False)
    assert Page(page).find("input", name="q")
    assert not Page(page).refused


def test_the_pages_keep_all_filters_and_the_actions_come_back_to_them(browser, make_task, ann):
    for _ in range(26):
        make_task(ann, title="100 %", queue="exports")
    query = "q=100+%25&status=READY&queue=exports&period=week"
    page = browser.get(f"/tasks/?{query}").content.decode()
    older = unescape(page.partition('rel="next" href="')[2].partition('"')[0])
    assert older.startswith(f"?{query}&before=")
    assert Page(page).find("input", name="next")[0]["value"] == f"/tasks/?{query}"
    assert Page(browser.get(f"/tasks/{older}").content.decode()).count("task-status") == 1


def test_each_field_has_a_label_and_those_in_use_are_told(browser_of, staff):
    queries = ("", "?queue=x&period=day", "?since=x")
    quiet, used, wrong = (browser_of(staff).get(f"/tasks/{query}").content.decode() for query in queries)
    assert ("More filters</summary>" in quiet, "More filters (2)</summary>" in used) == (True, True)
    assert ('<details class="bl-more">' in used, '<details class="bl-more" open>' in wrong) == (True, True)
    page = Page(quiet)
    names = ["q", "status", "command", "queue", "owner", "period", "since", "until"]
    labelled = {label["for"] for label in page.find("label") if "for" in label}
    fields = [
        values for name, values in page.elements if name in {"input", "select"} and values.get("name") in names
    ]
    assert [values["name"] for values in fields] == names
    assert {values["id"] for values in fields} <= labelled


@pytest.mark.parametrize(
    ("query", "zone"),
    [("until=9999-12-31T23:59:59Z", "Europe/Berlin"), ("since=0001-01-01T00:00:00Z", "America/New_York")],
)
def test_a_moment_that_the_user_s_time_has_not_is_refused(browser, settings, query, zone):
    assert browser.get(f"/tasks/?{query}").status_code == 200
    settings.TIME_ZONE = zone
    response = browser.get(f"/tasks/?{query}")
    assert response.status_code == 400
    assert 'class="errorlist"' in response.content.decode()


@pytest.mark.parametrize("name", ["me", "nobody", "@bob"])
def test_a_user_of_any_name_can_be_asked_for(program_of, person, make_task, some_tasks, staff, name):
    make_task(person(name), title="theirs", status="FAILED")
    make_task(None, title="theirs too", status="FAILED")
    seer = program_of(person("seer", "view_taskstate", is_staff=True))
    assert titles(seer.get("/tasks/", {"owner": f"@{name}"})) == ["theirs"]
    assert titles(seer.get("/tasks/", {"owner": "@bob"})) == ["theirs" if name == "@bob" else "bob's"]


def test_a_moment_with_an_offset_is_shown_as_the_user_s_time(browser, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    page = browser.get("/tasks/", {"since": "2026-01-01T00:00:00+05:00"}).content.decode()
    assert Page(page).find("input", name="since")[0]["value"] == "2025-12-31T20:00:00"
