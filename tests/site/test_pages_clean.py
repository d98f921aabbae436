"""Every page that is rendered: nothing inline, nothing that a user wrote taken for markup, labels on fields."""

from __future__ import annotations

import pytest
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.runtime_dir import TaskFiles
from library.statistics import recompute_statistics
from tests.exporting.making import make_book
from tests.site.conftest import EVERYTHING
from tests.site.page_parts import Page

HOSTILE = (
    "</title></textarea></pre><script>alert(1)</script><img src=x onerror=\"alert(2)\" style='x'>{{ 7|add:7 }}"
)


@pytest.fixture
def hostile_task(make_task, person):
    """Return the function that makes a task with hostile text wherever there can be text."""
    mallory = person(HOSTILE[:150], *EVERYTHING)

    def make(**values) -> TaskState:
        now = timezone.now()
        task = make_task(
            mallory,
            **{
                "lease": 1,
                "command": HOSTILE,
                "title": HOSTILE,
                "host": "another",
                "heartbeat_at": now,
                "claimed_at": now,
                "progress_current": 1,
                "progress_total": 2,
                "progress_unit": HOSTILE[:50],
                "progress_message": HOSTILE,
                "error_type": HOSTILE,
                "error_title": HOSTILE,
                "error_detail": HOSTILE,
                "cancel_requested_by": mallory,
                "result": {"download": f'/x/"{HOSTILE}', "name": HOSTILE, "rows": 1, "mailed_to": [HOSTILE]},
            }
            | values,
        )
        files = TaskFiles(task.pk, task.lease)
        files.create_directory()
        files.log.write_text(HOSTILE)
        return task

    return make


def assert_clean(response) -> Page:
    text = response.content.decode()
    page = Page(text)
    assert page.refused == []
    assert page.unclosed == []
    assert "<script>alert" not in text
    assert "14" not in text.partition("<h1>")[2].partition("</h1>")[0]
    assert page.count("meta", charset="utf-8") == 1
    assert page.find("html")[0]["lang"]
    identifiers = [values["id"] for _, values in page.elements if "id" in values]
    assert len(identifiers) == len(set(identifiers))
    labelled = {values.get("for") for values in page.find("label")}
    fields = [*page.find("input"), *page.find("select"), *page.find("progress")]
    for field in fields:
        assert field.get("type") == "hidden" or field["id"] in labelled, field
    return page


@pytest.mark.parametrize("is_cancelling", [False, True])
@pytest.mark.parametrize("status", sorted(TaskState.Status))
def test_a_task_s_page_in_every_status(hostile_task, browser_of, status, is_cancelling):
    task = hostile_task(status=status, cancel_requested_at=timezone.now() if is_cancelling else None)
    page = assert_clean(browser_of(task.owner).get(f"/tasks/{task.pk}/"))
    assert page.count("task-progress", data_status=status) == 1


@pytest.mark.parametrize(
    "url",
    [
        "/tasks/",
        "/tasks/?status=FAILED",
        "/books/",
        "/books/generate/",
        "/authors/",
        "/books/export/",
        "/exports/books/",
        "/exports/authors/",
        "/exports/books/download/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&min_rating=9",
        "/exports/films/",
        "/tasks/?status=%3Cscript%3Ealert(1)",
        "/tasks/?command=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/books/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&published_after=%3Cscript%3Ealert(1)",
        "/exports/books/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&min_rating=9",
    ],
)
def test_every_other_page(hostile_task, browser_of, url):
    make_book(HOSTILE, author=HOSTILE, language=HOSTILE[:20])
    recompute_statistics()
    assert_clean(browser_of(hostile_task().owner).get(url))


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("/exports/books/", {HOSTILE: HOSTILE}),
        ("/exports/books/", {"columns": HOSTILE, "format": HOSTILE, "delimiter": HOSTILE, "email": HOSTILE}),
        ("/exports/books/", {"q": HOSTILE, "published_after": HOSTILE, "available": HOSTILE, "email_me": HOSTILE}),
        ("/books/generate/", {"count": HOSTILE}),
    ],
)
def test_a_form_that_is_shown_again(hostile_task, browser_of, url, form):
    response = browser_of(hostile_task().owner).post(url, form)
    assert response.status_code == 422
    assert_clean(response)


def test_the_page_to_log_in(visitor):
    assert_clean(visitor.get("/login/?next=%22%3E%3Cscript%3Ealert(1)"))
    assert_clean(visitor.post("/login/", {"username": HOSTILE, "password": "x"}))


def test_the_product_s_own_frame(hostile_task, browser_of, settings):
    """A site that overrides nothing."""
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": []}]
    task = hostile_task(status="FAILED")
    browser = browser_of(task.owner)
    for url in (f"/tasks/{task.pk}/", "/tasks/", "/exports/books/"):
        assert_clean(browser.get(url))


@pytest.mark.parametrize(
    ("markup", "refused"),
    [
        ("<p style='x'></p>", "<p style>"),
        ("<p onclick='x'></p>", "<p onclick>"),
        ("<img onerror=x>", "<img onerror>"),
        ("<a href=' JavaScript:x'></a>", "<a href=javascript:>"),
        ("<style></style>", "<style>"),
        ("<script>x</script>", "<script>"),
    ],
)
def test_what_is_looked_for_would_be_found(markup, refused):
    assert Page(markup).refused == [refused]
