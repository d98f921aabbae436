"""`GET /tasks/<id>/log?offset=N`: the log piece by piece."""

from __future__ import annotations

import pytest

from brokerless import views
from brokerless.runtime_dir import TaskFiles

HEADER = "X-Next-Offset"


@pytest.fixture
def logged(make_task, ann):
    """Return the function that makes a task of Ann's with a log, and gives the log's address."""

    def make(data: bytes | None) -> str:
        task = make_task(ann, status="SUCCESSFUL", lease=1)
        if data is not None:
            files = TaskFiles(task.pk, task.lease)
            files.create_directory()
            files.log.write_bytes(data)
        return f"/tasks/{task.pk}/log"

    return make


def test_it_is_plain_text_with_the_next_offset(browser, logged, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.endswith("SecurityMiddleware")]
    response = browser.get(logged(b"one\ntwo\n"))
    assert response.content == b"one\ntwo\n"
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response[HEADER] == "8"


@pytest.mark.parametrize(
    ("offset", "text", "following"),
    [("0", b"one\ntwo\n", "8"), ("4", b"two\n", "8"), ("8", b"", "8"), ("100", b"", "100")],
)
def test_it_goes_on_where_the_reader_is(browser, logged, offset, text, following):
    response = browser.get(logged(b"one\ntwo\n"), {"offset": offset})
    assert (response.content, response[HEADER]) == (text, following)


def test_a_long_log_comes_in_pieces_that_make_the_whole(browser, logged):
    data = "📚 a line of it\n".encode() * 10_000
    url, got, offset = logged(data), b"", 0
    while True:
        response = browser.get(url, {"offset": offset})
        if not response.content:
            break
        assert len(response.content) <= views.LOG_CHUNK
        got, offset = got + response.content, int(response[HEADER])
    assert got == data


def test_a_task_without_a_log_has_an_empty_one(browser, logged):
    response = browser.get(logged(None))
    assert (response.content, response[HEADER]) == (b"", "0")


@pytest.mark.parametrize("offset", ["-1", "x", "1.5", "٣", " 1", "", "1e3", "9" * 13, "9" * 5000])
def test_what_is_no_offset_is_refused(browser, program, logged, offset):
    url = logged(b"text")
    problem = program.get(url, {"offset": offset})
    assert problem.status_code == problem.json()["status"] == 400
    assert browser.get(url, {"offset": offset}).status_code == 400


def test_the_largest_offset_is_beyond_the_end(browser, logged):
    response = browser.get(logged(b"text"), {"offset": "9" * 12})
    assert (response.status_code, response.content) == (200, b"")


def test_what_is_no_text_does_not_break_it(browser, logged):
    assert "\ufffd" in browser.get(logged(b"\xff\x00\x1b[31m")).content.decode()


def test_markup_stays_text(browser, logged):
    assert browser.get(logged(b"<script>alert(1)</script>")).content == b"<script>alert(1)</script>"
