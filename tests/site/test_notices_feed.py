"""`/tasks/notices`: what a user has running, and what is handed out once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from brokerless import cancel
from brokerless.models import TaskState
from brokerless.notices import TAKEN_LIMIT

Status = TaskState.Status
URL = "/tasks/notices"
EXPORTED = {"download": "/exports/files/1/"}


def notice(number, text="half way", *, age=timedelta()):
    return {"number": number, "at": (timezone.now() - age).isoformat(), "text": text}


@pytest.fixture
def saying(make_task):
    """Return the function that makes a running task that has said something."""

    def make(owner, *texts, status=Status.RUNNING, age=timedelta(), **values):
        notices = [notice(number, text, age=age) for number, text in enumerate(texts, 1)]
        return make_task(owner, status=status, notices=notices, notices_count=len(texts), **values)

    return make


@pytest.fixture
def ended(make_task):
    """Return the function that makes a task that ended just now, or some time ago."""

    def make(owner, *, age=timedelta(), status=Status.SUCCESSFUL, **values):
        return make_task(owner, status=status, finished_at=timezone.now() - age, **values)

    return make


def taken(program) -> list[tuple[str, str]]:
    response = program.post(URL)
    assert response.status_code == 200
    return [(each["id"], each["text"]) for each in response.json()["notices"]]


def unshown(program) -> int:
    return program.get(URL).json()["unshown"]


def test_who_has_nothing_is_told_so_and_asks_seldom(program):
    nothing = {"running": 0, "waiting": 0, "tasks": [], "unshown": 0, "next_poll_ms": 15_000}
    assert program.get(URL).json() == nothing
    assert taken(program) == []


def test_the_feed_tells_of_the_user_s_own_unfinished_tasks(program, make_task, ann, bob):
    make_task(bob, status=Status.RUNNING)
    make_task(None, status=Status.RUNNING)
    running = make_task(ann, status=Status.RUNNING, progress_current=9, progress_total=20)
    waiting = [make_task(ann, title=f"Waiting {number}") for number in range(6)]
    found = program.get(URL).json()
    assert (found["running"], found["waiting"], found["next_poll_ms"]) == (1, 6, 3000)
    newest_first = [str(task.pk) for task in reversed(waiting)]
    assert [task["id"] for task in found["tasks"]] == newest_first[:5]
    running.created_at = timezone.now() + timedelta(seconds=1)
    running.save()
    assert program.get(URL).json()["tasks"][0] == {
        "id": str(running.pk),
        "title": "Books",
        "status": "RUNNING",
        "text": "Running 45 %",
        "percent": 45,
        "url": f"/tasks/{running.pk}/",
    }


def test_staff_are_told_of_their_own_only(person, program_of, make_task, ended, ann):
    auditor = person("auditor", "view_taskstate", is_staff=True)
    make_task(ann)
    ended(ann)
    ended(None)
    assert program_of(auditor).get(URL).json()["waiting"] == 0
    assert taken(program_of(auditor)) == []


def test_a_feed_is_two_queries_whatever_there_is(program, saying, ended, ann, django_assert_num_queries):
    for _ in range(20):
        saying(ann, "one", "two")
        ended(ann)
    # Beside the session's and the user's.
    with django_assert_num_queries(4):
        assert unshown(program) == 60


def test_to_tell_what_a_task_has_made_takes_no_query_of_its_own(program, ended, ann, django_assert_num_queries):
    for _ in range(TAKEN_LIMIT):
        ended(ann, result=EXPORTED)
    # Those of a look, and an UPDATE for each.
    with django_assert_num_queries(4 + TAKEN_LIMIT):
        assert {text for _, text in taken(program)} == {"Finished, ready to download"}


def test_what_has_not_changed_is_not_sent_again(program, make_task, ann):
    tag = program.get(URL)["ETag"]
    assert program.get(URL, headers={"If-None-Match": tag}).status_code == 304
    make_task(ann)
    assert program.get(URL, headers={"If-None-Match": tag}).status_code == 200


def test_a_notice_is_handed_out_once(program, saying, ann):
    task = saying(ann, "half way", "nearly there")
    assert unshown(program) == 2
    [first, second] = program.post(URL).json()["notices"]
    assert first == {
        "id": f"{task.pk}:1",
        "kind": "notice",
        "status": "RUNNING",
        "title": "Books",
        "text": "half way",
        "url": f"/tasks/{task.pk}/",
    }
    assert second["id"] == f"{task.pk}:2"
    assert (unshown(program), taken(program)) == (0, [])


def test_another_notice_is_new_again(program, saying, ann):
    task = saying(ann, "one")
    taken(program)
    TaskState.objects.update(notices=[notice(1), notice(2, "two")], notices_count=2)
    assert taken(program) == [(f"{task.pk}:2", "two")]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"status": Status.SUCCESSFUL}, "Finished"),
        ({"result": EXPORTED | {"rows": 20_050}}, "Finished: 20,050 rows, ready to download"),
        ({"result": EXPORTED | {"rows": 1}}, "Finished: 1 row, ready to download"),
        ({"result": EXPORTED}, "Finished, ready to download"),
        ({"result": EXPORTED | {"rows": 5, "expires_at": "2001-01-01T00:00:00Z"}}, "Finished"),
        ({"result": {"rows": 5}}, "Finished"),
        ({"progress_current": 7_000, "progress_unit": "books"}, "Finished: 7,000 books"),
        ({"status": Status.CANCELLED, "error_type": "cancelled", "error_title": "It was."}, "Cancelled"),
        ({"status": Status.FAILED, "error_type": "ValueError", "error_title": "x"}, "Failed: ValueError: x"),
        ({"status": Status.LOST}, "Lost"),
    ],
)
def test_an_end_is_handed_out_once(program, ended, ann, values, text):
    task = ended(ann, **values)
    assert unshown(program) == 1
    [found] = program.post(URL).json()["notices"]
    assert (found["id"], found["kind"], found["text"]) == (f"{task.pk}:end", "end", text)
    assert (unshown(program), taken(program)) == (0, [])


def test_the_end_of_what_the_owner_has_cancelled_is_told_too(program, make_task, ann):
    task = make_task(ann)
    assert cancel.cancel(task, by=ann)
    assert taken(program) == [(f"{task.pk}:end", "Cancelled")]


def test_the_oldest_come_first_and_a_few_at_a_time(program, ended, ann):
    tasks = [ended(ann, age=timedelta(minutes=age)) for age in range(TAKEN_LIMIT + 2)]
    oldest_first = [f"{task.pk}:end" for task in reversed(tasks)]
    assert [name for name, _ in taken(program)] == oldest_first[:TAKEN_LIMIT]
    assert [name for name, _ in taken(program)] == oldest_first[TAKEN_LIMIT:]


def test_notices_of_which_some_are_taken_go_on_behind_those(program, saying, ann):
    task = saying(ann, *map(str, range(TAKEN_LIMIT + 2)))
    assert len(taken(program)) == TAKEN_LIMIT
    assert [name for name, _ in taken(program)] == [f"{task.pk}:11", f"{task.pk}:12"]


@pytest.mark.parametrize(("hours", "count"), [(23, 2), (25, 0)])
def test_what_is_older_than_a_day_is_news_no_more(program, saying, ended, ann, hours, count):
    saying(ann, "long ago", age=timedelta(hours=hours))
    ended(ann, age=timedelta(hours=hours))
    assert unshown(program) == count
    assert len(taken(program)) == count


def test_a_row_that_an_earlier_release_made_has_nothing_to_say(program, make_task, ann):
    make_task(ann, status=Status.RUNNING, notices=None)
    assert (unshown(program), taken(program)) == (0, [])


def test_nobody_takes_what_is_somebody_else_s(program_of, saying, ended, ann, bob):
    saying(ann, "one")
    task = ended(ann)
    assert taken(program_of(bob)) == []
    program_of(bob).post(URL, {"id": f"{task.pk}:end"}, headers={"Accept": "text/html"})
    assert len(taken(program_of(ann))) == 2


def test_a_task_s_own_json_stays_the_same_when_its_news_are_taken(program, saying, ann):
    """A stream has nothing to send again: what nobody sees in the task's JSON is no new version of it."""
    task = saying(ann, "one")
    before = program.get(f"/tasks/{task.pk}/")
    assert [each["text"] for each in before.json()["notices"]] == ["one"]
    taken(program)
    assert program.get(f"/tasks/{task.pk}/")["ETag"] == before["ETag"]
    assert TaskState.objects.get().version == task.version


def test_what_was_not_logged_in_gets_401_or_the_login(visitor, program_of, site):
    for response in (program_of(None).get(URL), program_of(None).post(URL)):
        assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert visitor.post(URL).url == "/login/?next=/tasks/"


def test_a_browser_that_comes_back_from_the_login_is_led_to_the_list(browser):
    response = browser.get(URL)
    assert (response.status_code, response.url) == (302, "/tasks/")


def test_to_take_needs_the_csrf_token(ann, program_of, saying):
    saying(ann, "one")
    program = program_of(ann, enforce_csrf_checks=True)
    assert program.post(URL).status_code == 403
    program.get("/books/", headers={"Accept": "text/html"})
    token = program.cookies["csrftoken"].value
    assert len(program.post(URL, headers={"X-CSRFToken": token}).json()["notices"]) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_no_other_method_is_taken(browser, method):
    assert browser.generic(method, URL).status_code == 405


def test_a_form_takes_what_its_page_has_shown_and_no_more(browser, program, saying, ended, ann):
    task, other = saying(ann, "one", "two"), ended(ann)
    response = browser.post(URL, {"id": [f"{task.pk}:1", f"{uuid4()}:end", "nonsense"], "next": "/books/?page=2"})
    assert (response.status_code, response.url) == (303, "/books/?page=2")
    assert [name for name, _ in taken(program)] == [f"{task.pk}:2", f"{other.pk}:end"]


@pytest.mark.parametrize("page", ["", "https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_a_form_leads_to_this_site_only(browser, page):
    assert browser.post(URL, {"next": page}).url == "/tasks/"


def test_words_are_in_the_user_s_language(program, make_task, ended, ann):
    make_task(ann, status=Status.RUNNING)
    ended(ann)
    german = {"Accept-Language": "de"}
    assert program.get(URL, headers=german).json()["tasks"][0]["text"] not in {"", "Running"}
    assert program.post(URL, headers=german).json()["notices"][0]["text"] not in {"", "Successful"}
