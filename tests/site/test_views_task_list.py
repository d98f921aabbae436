"""`GET /tasks/`: the user's tasks, newest first, narrowed down, a page at a time."""

from __future__ import annotations

import datetime as dt
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from django.utils.html import escape

from brokerless.dashboard.paging import PAGE_SIZE


def titles(response) -> list[str]:
    return [task["title"] for task in response.json()["tasks"]]


@pytest.fixture
def many(make_task, ann):
    """Make a page of tasks and one more, numbered from the oldest."""
    now = timezone.now()
    for number in range(PAGE_SIZE + 1):
        make_task(ann, title=f"Task {number}", created_at=now + dt.timedelta(seconds=number))


def test_the_newest_is_first(program, many):
    assert titles(program.get("/tasks/"))[:2] == [f"Task {PAGE_SIZE}", f"Task {PAGE_SIZE - 1}"]


def test_there_is_a_page_at_a_time(program, many):
    first = program.get("/tasks/").json()
    assert (first["count"], first["has_more"], len(first["tasks"])) == (PAGE_SIZE + 1, True, PAGE_SIZE)
    assert list(first["links"]) == ["older"]
    last = program.get(first["links"]["older"]).json()
    assert ([task["title"] for task in last["tasks"]], last["has_more"]) == (["Task 0"], False)
    assert list(last["links"]) == ["newer"]
    assert titles(program.get(last["links"]["newer"])) == [task["title"] for task in first["tasks"]]


def test_the_pages_hold_each_task_once_while_new_ones_come(program, make_task, ann):
    now = timezone.now()
    # Many of one moment, as of a burst.
    for number in range(3 * PAGE_SIZE + 2):
        make_task(ann, title=str(number), created_at=now - dt.timedelta(seconds=number // 20))
    seen, address = [], "/tasks/"
    while address:
        page = program.get(address).json()
        seen += [task["title"] for task in page["tasks"]]
        make_task(ann, title="new")
        address = page["links"].get("older")
    assert sorted(seen, key=int) == [str(number) for number in range(3 * PAGE_SIZE + 2)]


def test_the_way_back_leads_over_the_same_pages_to_a_full_first_one(program, make_task, ann):
    now = timezone.now()
    for number in range(3 * PAGE_SIZE):
        make_task(ann, created_at=now - dt.timedelta(seconds=number // 20))
    pages = [program.get("/tasks/").json()]
    while older := pages[-1]["links"].get("older"):
        pages.append(program.get(older).json())
    newer = program.get(pages[2]["links"]["newer"]).json()
    assert newer["tasks"] == pages[1]["tasks"]
    first = program.get(newer["links"]["newer"]).json()
    assert (first["tasks"], "newer" in first["links"]) == (pages[0]["tasks"], False)


@pytest.mark.parametrize(
    "place",
    ["x", "2026-11-21", "2026-11-21T01:02:03_", "2026-11-21T01:02:03+00:00_x", "\0", "9" * 5000]
    + [f"{moment}_{'0' * 32}" for moment in ("2026-11-21T01:02:03", "2026-13-41T01:02:03+00:00", "")]
    + [f"{moment}_{'0' * 32}" for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")],
)
def test_a_place_that_is_none_is_refused(program, browser, place):
    for name in ("before", "after"):
        assert program.get("/tasks/", {name: place}).status_code == 400
    assert "begin at its start" in browser.get("/tasks/", {"before": place}).content.decode()


def test_the_ends_of_the_calendar_are_places(program, make_task, ann):
    make_task(ann)
    for moment in ("0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"):
        for name in ("before", "after"):
            assert program.get("/tasks/", {name: f"{moment}_{'0' * 32}"}).status_code == 200


def test_the_pages_lead_to_each_other_and_keep_the_filter(browser, many):
    first = browser.get("/tasks/?status=READY").content.decode()
    assert 'rel="prev"' not in first
    older = unescape(first.partition('rel="next" href="')[2].partition('"')[0])
    assert older.startswith("?status=READY&before=")
    second = browser.get(f"/tasks/{older}").content.decode()
    assert 'rel="prev" href="?status=READY&amp;after=' in second
    assert 'rel="next"' not in second


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a", "b", "c"]),
        ("?status=FAILED", ["b", "c"]),
        ("?command=load_books", ["c"]),
        ("?status=FAILED&command=export_books", ["b"]),
        ("?status=&command=", ["a", "b", "c"]),
        ("?status=LOST", []),
        ("?command=nothing", []),
        ("?command=%27%20OR%201=1", []),
    ],
)
def test_status_and_command_narrow_it_down(program, browser, make_task, ann, query, found):
    make_task(ann, title="a")
    make_task(ann, title="b", status="FAILED")
    make_task(ann, title="c", status="FAILED", command="load_books")
    assert sorted(titles(program.get(f"/tasks/{query}"))) == found
    assert browser.get(f"/tasks/{query}").status_code == 200


@pytest.mark.parametrize("query", ["status=DONE", "status=failed", "command=a%00b", "status=%00"])
def test_a_filter_that_makes_no_sense_is_refused(program, browser, query):
    problem = program.get(f"/tasks/?{query}")
    assert problem.status_code == problem.json()["status"] == 400
    assert browser.get(f"/tasks/?{query}").status_code == 400


def test_a_wrong_status_is_answered_with_the_right_ones(program):
    detail = program.get("/tasks/?status=DONE").json()["detail"]
    assert "no status “DONE”" in detail
    assert "READY (Waiting), STARTING (Starting), RUNNING (Running)" in detail


def test_nobody_sees_the_tasks_of_somebody_else(make_task, ann, bob, program_of):
    make_task(ann, title="Ann's")
    make_task(None, title="nobody's")
    assert titles(program_of(ann).get("/tasks/")) == ["Ann's"]
    assert titles(program_of(bob).get("/tasks/")) == []


def test_staff_see_their_own_and_nobody_s(make_task, ann, staff, program_of):
    make_task(ann, title="Ann's")
    make_task(None, title="nobody's")
    make_task(staff, title="their own")
    assert sorted(titles(program_of(staff).get("/tasks/"))) == ["nobody's", "their own"]


def test_the_list_costs_the_same_however_long_it_is(program, many, django_assert_num_queries):
    program.get("/tasks/")
    with django_assert_num_queries(4):  # session, user, tasks, count
        program.get("/tasks/")


def test_without_tasks_the_page_says_so(browser):
    assert "There are no tasks here." in browser.get("/tasks/").content.decode()


def test_the_chosen_filter_stays_chosen(browser):
    page = browser.get("/tasks/?status=FAILED&command=x%22%3E").content.decode()
    assert '<option value="FAILED" selected>' in page
    assert 'value="x&quot;&gt;"' in page


def test_staff_see_who_asked_and_others_see_only_their_own(make_task, ann, staff, browser, browser_of):
    make_task(ann)
    make_task(None)
    own, all_of_them = (client.get("/tasks/").content.decode() for client in (browser, browser_of(staff)))
    assert ("<h1>My tasks</h1>" in own, 'data-label="Asked by"' in own) == (True, False)
    assert ("<h1>Tasks</h1>" in all_of_them, 'data-label="Asked by"' in all_of_them) == (True, True)


def test_staff_with_only_their_own_need_not_be_told_so(make_task, staff, browser_of):
    make_task(staff)
    assert 'data-label="Asked by"' not in browser_of(staff).get("/tasks/").content.decode()


def test_the_owners_cost_no_query_each(make_task, person, staff, browser_of, django_assert_max_num_queries):
    staff.user_permissions.add(*Permission.objects.filter(codename="view_taskstate"))
    for number in range(PAGE_SIZE):
        make_task(person(f"person {number}"))
    browser = browser_of(staff)
    with django_assert_max_num_queries(9):
        assert "person 7" in browser.get("/tasks/").content.decode()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"arguments": [5000], "options": {"seed": 3, "quiet": True}}, "5000, seed: 3, quiet: true"),
        (
            {
                "command": "call_task",
                "arguments": ["shop.tasks.price"],
                "options": {"arguments": [7, "é"], "keywords": {"deep": {"a": None}}, "backend": "second"},
            },
            'price(7, "é", deep={"a": null})',
        ),
        ({"command": "call_task", "arguments": ["shop.tasks.price"]}, "price()"),
        (
            {"command": "call_task", "arguments": ["price"], "options": {"arguments": 5, "keywords": [1]}},
            "price()",
        ),
        (
            {"command": "call_task", "arguments": ["price"], "options": {"arguments": [list(range(100_000))]}},
            ("price([" + ", ".join(map(str, range(100))))[:119] + "…",
        ),
        ({"options": {"email": ["a@example.org", "b@example.org"]}}, "email: a@example.org, b@example.org"),
        ({"options": {"q": "two\nlines"}}, "q: two lines"),
        ({"options": {"q": "x" * 500}}, "q: " + "x" * 116 + "…"),
        ({"options": {"q": "x"}, "title": "Export books"}, "q: x"),
        ({"command": "call_task", "arguments": ["shop.tasks.price_all"], "title": "Price all"}, "price_all()"),
        ({"options": {"language": "eng"}, "title": "Books, English"}, None),
        ({"command": "nap", "arguments": [5], "title": "Nap for 5 seconds"}, None),
        ({}, None),
    ],
)
def test_what_a_task_was_given_is_shown_where_its_title_is_but_a_name(browser, make_task, ann, values, line):
    make_task(ann, **{"title": ""} | values)
    page = browser.get("/tasks/").content.decode()
    assert (f'<span class="bl-given">{escape(line)}</span>' if line else "</a></td>") in page


def test_a_running_task_shows_its_percent_and_a_finished_one_how_long_it_took(browser, make_task, ann):
    now = timezone.now()
    beating = {"status": "RUNNING", "host": "another", "heartbeat_at": now, "started_at": now}
    make_task(ann, **beating, progress_current=1, progress_total=4)
    make_task(ann, status="FAILED", started_at=now, finished_at=now + dt.timedelta(seconds=75), progress_current=1)
    page = browser.get("/tasks/").content.decode()
    assert ">Running 25 %</task-status>" in page
    assert ">Failed</task-status>" in page
    assert ">1 min 15 s</span></td>" in page


def test_one_page_leads_to_no_other(browser, make_task, ann):
    make_task(ann)
    page = browser.get("/tasks/").content.decode()
    assert ('<nav class="bl-pages"' in page, "1 task listed" in page) == (False, True)
