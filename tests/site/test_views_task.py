"""`GET /tasks/<id>/` as JSON: the shape, the poll, and what a command may not slip in."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from brokerless.models import TaskState

Status = TaskState.Status
FINISHED = sorted(TaskState.FINISHED)
UNFINISHED = sorted(set(Status) - TaskState.FINISHED)
# In this order, as docs/http.md has it. `cancelling` is shown and not stored.
SHAPE = [
    *("id", "command", "title", "status", "status_label", "cancelling", "progress"),
    *(
        "created_at",
        "started_at",
        "finished_at",
        "attempt",
        "exit_code",
        "error",
        "result",
        "next_poll_ms",
        "links",
        "queue",
        "run_after",
        "max_attempts",
        "earlier_errors",
        "exit_signal",
        "cpu_seconds",
        "peak_memory",
        "notices",
    ),
]
STARTED = dt.datetime(2024, 5, 1, 12, 0, 1, tzinfo=dt.UTC)


@pytest.fixture
def show(program, make_task, ann):
    """Return the function that makes a task of Ann's and gives its JSON."""

    def shown(**values) -> dict:
        return program.get(f"/tasks/{make_task(ann, **values).pk}/").json()

    return shown


def test_the_shape_is_that_of_the_design(show):
    shown = show()
    assert list(shown) == SHAPE
    assert list(shown["links"]) == ["self", "log", "cancel"]


def test_a_waiting_task_is_mostly_empty(make_task, ann, program):
    task = make_task(ann)
    shown = program.get(f"/tasks/{task.pk}/").json()
    assert shown == {
        "id": str(task.pk),
        "command": "export_books",
        "title": "Books",
        "status": "READY",
        "status_label": "Waiting",
        "cancelling": False,
        "progress": None,
        "created_at": task.created_at.isoformat(),
        "started_at": None,
        "finished_at": None,
        "attempt": 0,
        "exit_code": None,
        "error": None,
        "result": None,
        "next_poll_ms": 500,
        "links": {
            "self": f"/tasks/{task.pk}/",
            "log": f"/tasks/{task.pk}/log",
            "cancel": f"/tasks/{task.pk}/cancel",
        },
        "queue": "default",
        "run_after": None,
        "max_attempts": 1,
        "earlier_errors": [],
        "exit_signal": None,
        "cpu_seconds": None,
        "peak_memory": None,
        "notices": [],
    }


def test_a_running_task_shows_how_far_it_is(show):
    shown = show(
        status=Status.RUNNING,
        attempt=2,
        started_at=STARTED,
        progress_current=250,
        progress_total=1000,
        progress_unit="books",
        progress_message="Writing",
        progress_rate=50.0,
    )
    assert (shown["attempt"], shown["started_at"]) == (2, "2024-05-01T12:00:01+00:00")
    assert shown["progress"] == {
        "current": 250,
        "total": 1000,
        "percent": 25,
        "unit": "books",
        "message": "Writing",
        "rate": 50.0,
        "eta_seconds": 15,
    }


@pytest.mark.parametrize(
    ("current", "total", "percent"),
    [(0, 10, 0), (999, 1000, 99), (10, 10, 100), (12, 10, 100), (5, None, None), (0, 0, None)],
)
def test_the_percentage_is_never_more_than_there_is(show, current, total, percent):
    shown = show(status=Status.RUNNING, progress_current=current, progress_total=total)
    assert shown["progress"]["percent"] == percent


def test_a_failed_task_says_why(show):
    shown = show(
        status=Status.FAILED,
        finished_at=STARTED,
        exit_code=1,
        error_type="CommandError",
        error_title="No such file",
        error_detail="a traceback",
    )
    assert shown["error"] == {"type": "CommandError", "title": "No such file", "detail": "a traceback"}
    assert (shown["exit_code"], shown["finished_at"]) == (1, "2024-05-01T12:00:01+00:00")


def test_a_successful_task_has_its_result_and_the_download(show):
    result = {"rows": 3, "download": "/exports/files/1/"}
    shown = show(status=Status.SUCCESSFUL, result=result)
    assert shown["result"] == result
    assert shown["links"]["download"] == "/exports/files/1/"


@pytest.mark.parametrize(
    "download",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/\\evil.example",
        "///evil.example",
        "/\t/evil.example",
        "https://evil.example/",
        "relative",
        "",
        None,
        7,
        ["/exports/files/1/"],
        {"a": 1},
    ],
)
def test_a_download_that_is_no_path_of_this_site_is_no_link(show, browser, download):
    shown = show(status=Status.SUCCESSFUL, result={"download": download})
    assert "download" not in shown["links"]
    page = browser.get(shown["links"]["self"])
    assert b'data-part="download"' not in page.content
    assert b"Done." in page.content


@pytest.mark.parametrize("result", [None, [], "text", 7, True, {}, ["download"], "download"])
def test_any_result_can_be_shown(show, browser, result):
    shown = show(status=Status.SUCCESSFUL, result=result)
    assert shown["result"] == result
    assert browser.get(shown["links"]["self"]).status_code == 200


@pytest.mark.parametrize("status", FINISHED)
def test_a_finished_task_is_polled_no_more_and_cannot_be_cancelled(show, status):
    shown = show(status=status, cancel_requested_at=STARTED)
    assert (shown["next_poll_ms"], shown["cancelling"]) == (None, False)
    assert "cancel" not in shown["links"]


@pytest.mark.parametrize("status", UNFINISHED)
def test_a_task_that_is_asked_to_stop_is_not_asked_again(show, status):
    shown = show(status=status, cancel_requested_at=STARTED, heartbeat_at=timezone.now(), host="another")
    assert shown["cancelling"] is True
    assert "cancel" not in shown["links"]


@pytest.mark.parametrize(("age", "pause"), [(0, 500), (6, 1000), (29, 1000), (31, 1500), (3600, 1500)])
def test_an_older_task_is_polled_less_often(show, age, pause):
    assert show(created_at=timezone.now() - dt.timedelta(seconds=age))["next_poll_ms"] == pause


def test_a_clock_that_is_behind_still_gives_a_pause(show):
    assert show(created_at=timezone.now() + dt.timedelta(hours=1))["next_poll_ms"] == 500


@pytest.fixture
def polled(program, make_task, ann):
    """Return a task that is finished, its address, and the answer to its first poll."""
    task = make_task(ann, status=Status.RUNNING, created_at=STARTED, host="another", heartbeat_at=timezone.now())
    url = f"/tasks/{task.pk}/"
    return task, url, program.get(url)


@pytest.mark.parametrize("spelling", ["{}", "W/{}", '"other", {}', "*"])
def test_what_the_client_has_already_is_not_sent_again(program, polled, spelling):
    _, url, first = polled
    second = program.get(url, headers={"If-None-Match": spelling.format(first["ETag"])})
    assert (second.status_code, second.content) == (304, b"")
    assert second["ETag"] == first["ETag"]
    assert {"Accept", "Cookie"} <= {name.strip() for name in second["Vary"].split(",")}
    assert second["Cache-Control"] == first["Cache-Control"]


@pytest.mark.parametrize("tag", ['"other"', "nonsense", ""])
def test_what_it_has_not_is_sent(program, polled, tag):
    _, url, _ = polled
    assert program.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_change_has_another_tag(program, polled):
    task, url, first = polled
    TaskState.objects.filter(pk=task.pk).update(progress_current=1)
    second = program.get(url, headers={"If-None-Match": first["ETag"]})
    assert second.status_code == 200
    assert second["ETag"] != first["ETag"]


def test_a_page_has_no_tag(browser, polled):
    _, url, first = polled
    page = browser.get(url, headers={"If-None-Match": first["ETag"]})
    assert page.status_code == 200


@pytest.mark.parametrize("status", sorted(Status))
def test_a_poll_is_one_query_beside_session_and_user(program, make_task, ann, django_assert_num_queries, status):
    now = timezone.now()
    task = make_task(ann, status=status, host="another", claimed_at=now, heartbeat_at=now, cancel_requested_by=ann)
    with django_assert_num_queries(3) as queries:
        program.get(f"/tasks/{task.pk}/")
    assert sum('"brokerless_taskstate"' in query["sql"] for query in queries) == 1


def test_the_answer_to_a_program_is_in_its_language(ann, make_task, program_of):
    program = program_of(ann)
    url = f"/tasks/{make_task(ann).pk}/"
    assert "Accept-Language" in program.get(url)["Vary"]


def test_an_unknown_task_is_a_problem(program):
    problem = program.get(f"/tasks/{uuid.uuid4()}/")
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no such thing here, or it is not yours.",
    }


@pytest.mark.parametrize("status", UNFINISHED)
def test_cancelling_is_accepted(program, browser, make_task, ann, status):
    by_program, by_browser = (make_task(ann, status=status, host="another") for _ in range(2))
    response = program.post(f"/tasks/{by_program.pk}/cancel")
    assert response.status_code == 202
    shown = response.json()
    assert shown["cancelling"] or shown["status"] == "CANCELLED"
    by_program.refresh_from_db()
    assert by_program.cancel_requested_by == ann
    page = browser.post(f"/tasks/{by_browser.pk}/cancel")
    assert (page.status_code, page.url) == (303, f"/tasks/{by_browser.pk}/")


@pytest.mark.parametrize("status", FINISHED)
def test_a_finished_task_is_not_cancelled(program, browser, make_task, ann, status):
    task = make_task(ann, status=status)
    problem = program.post(f"/tasks/{task.pk}/cancel")
    assert problem.status_code == problem.json()["status"] == 409
    assert browser.post(f"/tasks/{task.pk}/cancel").status_code == 409
    task.refresh_from_db()
    assert (task.status, task.cancel_requested_at) == (status, None)


def test_what_is_being_stopped_has_neither_rate_nor_time_left(show):
    progress = {"progress_current": 1, "progress_total": 4, "progress_rate": 1.0}
    shown = show(status=Status.RUNNING, cancel_requested_at=timezone.now(), **progress)["progress"]
    assert (shown["percent"], shown["rate"], shown["eta_seconds"]) == (25, None, None)
