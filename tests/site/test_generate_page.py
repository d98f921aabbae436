"""The page "enter a number, watch the bar"."""

from __future__ import annotations

import pytest

from brokerless.models import TaskState
from tests.site.page_parts import Page

URL = "/books/generate/"


@pytest.fixture(autouse=True)
def _maximum(settings):
    settings.GENERATE_BOOKS_MAXIMUM = 1000


@pytest.mark.parametrize(("count", "title"), [("1", "Generate 1 books"), ("1000", "Generate 1,000 books")])
def test_a_number_starts_the_job(browser, ann, count, title):
    response = browser.post(URL, {"count": count})
    task = TaskState.objects.get()
    assert (response.status_code, response.url) == (303, f"/tasks/{task.pk}/")
    assert (task.command, task.arguments, task.options) == ("generate_books", [int(count)], {})
    assert (task.owner, task.title) == (ann, title)
    assert "We have your request." in browser.get(response.url).content.decode()


@pytest.mark.parametrize(
    "form", [{"count": count} for count in ("0", "-5", "1001", "x", "1.5", "", "9" * 5000)] + [{}]
)
def test_anything_else_is_shown_again_with_the_reason(browser, form):
    response = browser.post(URL, form)
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert not TaskState.objects.exists()


def test_the_page_says_the_maximum(browser):
    response = browser.get(URL)
    (field,) = Page(response.content.decode()).find("input", name="count")
    assert response.status_code == 200
    assert (field["type"], field["min"], field["max"]) == ("number", "1", "1000")
    assert "At most 1,000." in response.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_needs_the_permission(person, browser_of, method):
    response = getattr(browser_of(person("eve", "view_book")), method)(URL, {"count": "1"})
    assert response.status_code == 403
    assert not TaskState.objects.exists()
