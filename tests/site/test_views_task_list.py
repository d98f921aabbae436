"""`GET /tasks/`: the user's tasks, newest first, narrowed down, a page at a time."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from django.utils.html import escape

from brokerless.dashboard.views import PAGE_SIZE


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
    first, second = program.get("/tasks/"), program.get("/tasks/?page=2")
    assert {key: first.json()[key] for key in ("count", "page", "pages")} == {
        "count": PAGE_SIZE + 1,
        "page": 1,
        "pages": 2,
    }
    assert (len(titles(first)), titles(second)) == (PAGE_SIZE, ["Task 0"])


@pytest.mark.parametrize(
    ("page", "number"), [("-1", 2), ("0", 2), ("abc", 1), ("", 1), ("999", 2), ("9" * 5000, 1)]
)
def test_a_page_that_does_not_exist_is_the_first_or_the_last(program, many, page, number):
    response = program.get("/tasks/", {"page": page})
    assert (response.status_code, response.json()["page"]) == (200, number)


def test_the_pages_lead_to_each_other_and_keep_the_filter(browser, many):
    first = browser.get("/tasks/?status=READY").content.decode()
    assert 'rel="next" href="?status=READY&amp;page=2"' in first
    assert 'rel="prev"' not in first
    second = browser.get("/tasks/?status=READY&page=2").content.decode()
    assert 'rel="prev" href="?status=READY&amp;page=1"' in second
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


@pytest.mark.parametrize("client", ["browser", "program"])
def test_the_list_costs_the_same_however_long_it_is(request, client, many, django_assert_num_queries):
    visitor = request.getfixturevalue(client)
    visitor.get("/tasks/")
    with django_assert_num_queries(7 if client == "browser" else 4):
        visitor.get("/tasks/")


def test_without_tasks_the_page_says_so(browser):
    assert "There are no tasks here." in browser.get("/tasks/").content.decode()


def test_the_chosen_filter_stays_chosen(browser):
    page = browser.get("/tasks/?status=FAILED&command=x%22%3E").content.decode()
    assert '<option value="FAILED" selected>' in page
    assert 'value="x&quot;&gt;"' in page


def test_the_commands_to_choose_from_are_those_of_the_user_s_tasks(browser, make_task, ann, bob):
    for owner, command in ((ann, "load_books"), (ann, "export_books"), (ann, "load_books"), (bob, "of_bob")):
        make_task(owner, command=command, status="FAILED")
    page = browser.get("/tasks/?status=READY").content.decode()
    options = [part.partition('"')[0] for part in page.partition('id="command"')[2].split('<option value="')[1:]]
    assert options == ["", "export_books", "load_books"]


def test_staff_see_who_asked_and_others_see_only_their_own(make_task, ann, staff, browser, browser_of):
    make_task(ann)
    make_task(None)
    own, all_of_them = (client.get("/tasks/").content.decode() for client in (browser, browser_of(staff)))
    assert ("<h1>My tasks</h1>" in own, "Asked by" in own) == (True, False)
    assert ("<h1>Tasks</h1>" in all_of_them, "Asked by" in all_of_them) == (True, True)


def test_staff_with_only_their_own_need_not_be_told_so(make_task, staff, browser_of):
    make_task(staff)
    assert "Asked by" not in browser_of(staff).get("/tasks/").content.decode()


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
        ({"options": {"language": "eng"}, "title": "Books (language: eng)"}, None),
        ({}, None),
    ],
)
def test_tasks_are_told_apart_by_what_they_were_given(browser, make_task, ann, values, line):
    make_task(ann, **values)
    page = browser.get("/tasks/").content.decode()
    assert (f'<span class="bl-given">{escape(line)}</span>' if line else "</a></td>") in page


def test_a_running_task_shows_its_percent_and_a_finished_one_how_long_it_took(browser, make_task, ann):
    now = timezone.now()
    beating = {"status": "RUNNING", "host": "another", "heartbeat_at": now, "started_at": now}
    make_task(ann, **beating, progress_current=1, progress_total=4)
    make_task(ann, status="FAILED", started_at=now, finished_at=now + dt.timedelta(seconds=75), progress_current=1)
    page = browser.get("/tasks/").content.decode()
    assert ">Running 25 %</span>" in page
    assert ">Failed</span>" in page
    assert ">1 min 15 s</td>" in page


def test_one_page_is_not_numbered(browser, make_task, ann):
    make_task(ann)
    assert "Page 1 of 1" not in browser.get("/tasks/").content.decode()
