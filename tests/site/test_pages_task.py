"""The page of a task, for people with and without JavaScript."""

from __future__ import annotations

import pytest
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.runtime_dir import TaskFiles
from tests.site.page_parts import Page

Status = TaskState.Status


@pytest.fixture
def show(browser, make_task, ann):
    """Return the function that makes a task of Ann's and gives its page and the text of it."""

    def shown(query: str = "", **values) -> tuple[Page, str]:
        now = timezone.now()
        usual = {"host": "another", "heartbeat_at": now, "claimed_at": now}
        text = browser.get(f"/tasks/{make_task(ann, **usual | values).pk}/{query}").content.decode()
        return Page(text), text

    return shown


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.READY, "The task waits for a free place and starts by itself."),
        (Status.STARTING, "The task is about to run."),
        (Status.SUCCESSFUL, "Done."),
        (Status.FAILED, "the reason"),
        (Status.CANCELLED, "The task was cancelled."),
        (Status.LOST, "Look at what the task was to do before you start it again"),
    ],
)
def test_each_status_is_put_in_words(show, status, words):
    _, text = show(status=status, error_type="E", error_title="the reason")
    assert words in text
    assert f">\n      {status.label}\n" in text


@pytest.mark.parametrize("status", sorted(set(Status) - TaskState.FINISHED))
def test_an_unfinished_task_can_be_cancelled_by_a_plain_form(show, status):
    page, text = show(status=status)
    (_form,) = [form for form in page.find("form", method="post") if form["action"].endswith("/cancel")]
    assert page.count("input", name="csrfmiddlewaretoken") >= 1
    assert 'http-equiv="refresh" content="10"' in text


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_a_finished_task_is_neither_cancelled_nor_loaded_again(show, status):
    page, text = show(status=status)
    assert not [form for form in page.find("form") if form["action"].endswith("/cancel")]
    assert "http-equiv" not in text


def test_a_task_that_is_asked_to_stop_says_so(show):
    page, text = show(status=Status.RUNNING, cancel_requested_at=timezone.now())
    assert "Cancelling" in text
    assert page.count("task-progress", data_cancelling="true") == 1
    assert not [form for form in page.find("form") if form["action"].endswith("/cancel")]


def test_loading_again_can_be_stopped(show):
    _page, text = show("?refresh=off", status=Status.RUNNING)
    assert "http-equiv" not in text
    assert "Load again" in text


def test_the_bar_has_a_label_and_a_value(show):
    page, _ = show(status=Status.RUNNING, progress_current=1, progress_total=4, progress_message="Writing")
    (bar,) = page.find("progress")
    assert (bar["max"], bar["value"]) == ("100", "25")
    assert page.count("label", **{"for": bar["id"]}) == 1


@pytest.mark.parametrize("values", [{}, {"progress_current": 5}])
def test_a_bar_without_a_total_has_no_value(show, values):
    page, _ = show(status=Status.RUNNING, **values)
    (bar,) = page.find("progress")
    assert "value" not in bar


@pytest.mark.parametrize("status", [Status.FAILED, Status.LOST])
def test_a_failure_is_announced_with_its_log(show, make_task, ann, browser, status):
    task = make_task(ann, status=status, lease=1, error_type="E", error_title="Out of paper")
    files = TaskFiles(task.pk, 1)
    files.create_directory()
    files.log.write_text("line 1\nout of paper\n")
    text = browser.get(f"/tasks/{task.pk}/").content.decode()
    assert '<p class="bl-error" role="alert">Out of paper</p>' in text
    assert '<pre tabindex="0">line 1\nout of paper</pre>' in text
    assert f'href="/tasks/{task.pk}/log"' in text
    assert '<details class="bl-log" open>' in text


def test_a_mail_that_failed_leaves_the_download_on_the_page(show):
    result = {"download": "/exports/files/1/", "rows": 2, "name": "books.csv.gz"}
    page, text = show(status=Status.FAILED, error_type="E", error_title="not sent", result=result)
    assert page.count("a", href="/exports/files/1/") == 1
    assert "not sent" in text


def test_a_success_has_its_download(show):
    result = {"download": "/exports/files/1/", "rows": 2, "bytes": 2048, "name": "books.csv.gz"}
    page, text = show(status=Status.SUCCESSFUL, result=result | {"mailed_to": ["ann@example.org"]})
    (link,) = page.find("a", href="/exports/files/1/")
    assert "download" in link
    assert "books.csv.gz" in text
    assert "2 rows" in text
    assert "Mailed to ann@example.org." in text


@pytest.mark.parametrize(
    "odd",
    [{"rows": "many"}, {"rows": [1]}, {"bytes": "big"}, {"mailed_to": 5}, {"name": {"a": 1}}, {"rows": None}],
)
def test_a_result_of_a_command_of_the_site_may_hold_anything(show, odd):
    page, _ = show(status=Status.SUCCESSFUL, result={"download": "/reports/1/"} | odd)
    assert page.count("a", href="/reports/1/") == 1


def test_who_cancelled_is_named(show, bob):
    _, text = show(status=Status.CANCELLED, cancel_requested_by=bob)
    assert "The task was cancelled by bob." in text


def test_the_page_is_in_the_reader_s_language(browser, make_task, ann):
    url = f"/tasks/{make_task(ann).pk}/"
    assert '<html lang="de">' in browser.get(url, headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="en">' in browser.get(url, headers={"Accept-Language": "fr"}).content.decode()
