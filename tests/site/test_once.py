"""A confirmation that is sent twice does its thing once."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from brokerless import once
from brokerless.models import TaskState
from tests.site.page_parts import Page


@pytest.fixture
def confirmed(browser, make_task, ann):
    """Return the function that presses the button of one confirmation of a retry, and the tasks of that page."""
    tasks = [make_task(ann, status="FAILED", title=title) for title in ("one", "two")]
    values = {"action": "retry", "tasks": [task.pk for task in tasks]}

    def page():
        return Page(browser.post("/tasks/selected", values).content.decode())

    (field,) = page().find("input", name="once")
    assert page().find("input", name="once")[0]["value"] != field["value"], "each page has its own"

    def press(client=browser, token=field["value"]):
        return client.post("/tasks/selected", {**values, "confirmed": "1", "once": token}, follow=True)

    return press


def again():
    return sorted(TaskState.objects.exclude(retry_of=None).values_list("retry_of__title", flat=True))


def test_a_button_that_is_pressed_twice_retries_each_task_once(confirmed):
    assert "2 tasks are being retried." in confirmed().content.decode()
    assert again() == ["one", "two"]
    # Even if what it has begun is over by then.
    TaskState.objects.update(status="FAILED", unique_key=None)
    assert "This was confirmed already" in confirmed().content.decode()
    assert again() == ["one", "two"]


def test_another_confirmation_retries_them_once_more(confirmed):
    for number in (1, 2):
        confirmed(token=once.token())
        assert len(again()) == 2 * number


def test_two_requests_at_the_same_moment_retry_each_task_once(confirmed, browser_of, ann):
    """As if neither saw what the other wrote into the session: here each has a session of its own."""
    confirmed()
    other = browser_of(ann)
    assert "2 tasks are being retried." in confirmed(other).content.decode()
    assert again() == ["one", "two"]


def request_with(session, token):
    request = RequestFactory().post("/", {"once": token} if token else {})
    if session is not None:
        request.session = session
    return request


def test_the_latest_tokens_are_remembered(db):
    session = SessionStore()
    tokens = [once.token() for _ in range(once.MOST_REMEMBERED + 1)]
    assert all(once.take(request_with(session, token)) for token in tokens)
    assert not any(once.take(request_with(SessionStore(session.session_key), token)) for token in tokens[1:])
    assert once.take(request_with(session, tokens[0]))
    assert len(session[once.SESSION_KEY]) == once.MOST_REMEMBERED


@pytest.mark.parametrize("token", ["", "x", "0" * 1000, "0" * 31 + "\n"])
def test_what_is_no_token_is_not_remembered(db, token):
    session = SessionStore()
    assert [once.take(request_with(session, token)) for _ in range(2)] == [True, True]
    assert once.SESSION_KEY not in session
    assert once.unique_key(request_with(session, token)) is None


def test_a_site_without_sessions_is_served_by_the_unique_key():
    request = request_with(None, once.token())
    assert once.take(request)
    assert once.unique_key(request)


def test_who_has_logged_out_meanwhile_confirms_nothing(db, monkeypatch):
    session = SessionStore()

    def save(*_, **__):
        raise UpdateError

    monkeypatch.setattr(session, "save", save)
    assert not once.take(request_with(session, once.token()))
