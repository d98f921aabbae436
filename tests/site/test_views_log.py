"""`GET /tasks/<id>/log`: the log as text, piece by piece, as it was written, and of each attempt."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from brokerless import log_view, runtime_dir
from brokerless.runtime_dir import TaskFiles

HEADER = "X-Next-Offset"


@pytest.fixture
def logged(make_task, ann):
    """Return the function that makes a task of Ann's with a log, and gives the log's address."""

    def make(data: bytes | None, **values) -> str:
        task = make_task(ann, **{"status": "SUCCESSFUL", "lease": 1} | values)
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
        assert len(response.content) <= log_view.LOG_CHUNK
        got, offset = got + response.content, int(response[HEADER])
    assert got == data


def test_from_its_beginning_a_log_comes_in_one_piece_that_is_limited(browser, logged, monkeypatch):
    data = "📚 a line of it\n".encode() * 10_000
    assert browser.get(logged(data)).content == data
    monkeypatch.setattr(log_view, "LOG_BEGINNING", 1000)
    url = logged(data)
    response = browser.get(url)
    offset = int(response[HEADER])
    text, more = response.content[:offset], response.content[offset:].decode()
    assert 900 < offset <= 1000
    assert text == data[:offset]
    following, file = f"{url}?attempt=1&offset={offset}", f"{url}?attempt=1&raw=1"
    assert more == f"\n[… {len(data) - offset:,} bytes more: {following} – all as a file: {file} …]\n"
    assert data[offset:].startswith(browser.get(following).content)
    assert browser.get(file).getvalue() == data


def test_a_running_task_s_log_comes_in_whole_lines(browser, logged):
    response = browser.get(logged(b"one\n\x1b[32mtw", status="RUNNING", host="here"), {"offset": 0})
    assert (response.content, response[HEADER]) == (b"one\n", "4")


def test_a_program_is_told_of_the_line_that_is_not_finished(program, logged):
    answer = program.get(logged(b"one\n 10%\r\x1b[1m 20%", status="RUNNING", host="here")).json()
    size = len(b"one\n 10%\r\x1b[1m 20%")
    expected = {"attempt": 1, "text": "one\n", "line": " 20%", "next_offset": 4, "size": size, "is_end": False}
    assert answer == expected
    answer = program.get(logged(b"one\n 10%\r 20%")).json()
    assert (answer["text"], answer["line"], answer["is_end"]) == ("one\n 20%", "", True)


def test_an_endless_line_is_sent_in_part(program, logged):
    answer = program.get(logged(b"." * 60_000, status="RUNNING", host="here"), {"offset": 0}).json()
    assert answer["line"] == "." * log_view.LINE_LIMIT


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
    assert browser.get(logged(b"\xff\x00\x1b[31m.")).content.decode() == "\ufffd."


def test_markup_stays_text(browser, logged):
    assert browser.get(logged(b"<script>alert(1)</script>")).content == b"<script>alert(1)</script>"


RAW = b"\x1b[31mred\x1b[0m\r\n<script>\xff\0\r10%\r20%"


def assert_is_download(response):
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("attachment; filename=")
    assert response["Cache-Control"] == "private, no-cache"


def test_raw_is_every_byte_to_keep(browser, logged):
    response = browser.get(logged(RAW), {"raw": 1})
    assert response.getvalue() == RAW
    assert_is_download(response)


def test_raw_ends_although_the_command_goes_on(browser, logged, ann, monkeypatch):
    monkeypatch.setattr(runtime_dir, "RAW_PIECE", 10)
    response = browser.get(logged(b"1234567890abcde", status="RUNNING", host="here"), {"raw": 1})
    log, pieces = TaskFiles(ann.brokerless_tasks.get().pk, 1).log, []
    for piece in response.streaming_content:
        pieces.append(piece)
        assert len(pieces) < 10, "it has no end"
        log.write_bytes(log.read_bytes() + b"." * 20)
    assert b"".join(pieces) == b"1234567890abcde"


@pytest.mark.django_db(transaction=True)
def test_raw_is_sent_piece_by_piece_under_asgi(ann, logged, monkeypatch):
    monkeypatch.setattr(runtime_dir, "RAW_PIECE", 10)
    url, client = logged(RAW), AsyncClient()
    client.force_login(ann)

    async def fetch():
        response = await client.get(url, {"raw": 1})
        return response, [piece async for piece in response.streaming_content]

    response, pieces = async_to_sync(fetch)()
    assert b"".join(pieces) == RAW
    assert len(pieces) > 1
    assert_is_download(response)


def test_raw_says_where_something_is_left_out(browser, logged, ann):
    url = logged(b"head")
    task = ann.brokerless_tasks.get()
    (TaskFiles(task.pk, 1).directory / "1.log.1000").write_bytes(b"the end")
    expected = "head\n[… 1,000 bytes left out …]\nthe end".encode()
    assert (
        browser.get(url, {"raw": 1}).getvalue()
        == browser.get(url, {"offset": 0}).content + browser.get(url, {"offset": 4}).content
    )
    assert browser.get(url, {"raw": 1}).getvalue() == expected


def test_what_is_somebody_else_s_is_not_there(browser_of, program_of, bob, visitor, logged):
    url = logged(b"secret")
    for query in ({}, {"raw": 1}, {"attempt": 1}):
        assert browser_of(bob).get(url, query).status_code == 404
        assert program_of(bob).get(url, query).status_code == 404
        assert visitor.get(url, query).status_code == 302


def failed(attempt: int, **values) -> dict:
    return {"attempt": attempt, "type": "OSError", "title": "no", "worker": "web1/7"} | values


def test_each_attempt_has_its_log(browser, program, logged, ann):
    url = logged(b"of the third", lease=4, attempt=3, errors=[failed(1, lease=1), failed(2, lease=3)])
    task = ann.brokerless_tasks.get()
    for lease, words in ((1, b"of the first"), (3, b"of the second")):
        TaskFiles(task.pk, lease).log.write_bytes(words)
    contents = [browser.get(url, {"attempt": attempt}).content for attempt in (1, 2, 3)]
    assert contents == [b"of the first", b"of the second", b"of the third"]
    assert browser.get(url).content == b"of the third"
    assert program.get(url, {"attempt": 2, "raw": 1}).getvalue() == b"of the second"


@pytest.mark.parametrize(
    ("attempt", "status"), [("0", 404), ("2", 404), ("x", 400), ("", 400), ("-1", 400), ("1" * 9, 400)]
)
def test_an_attempt_that_there_is_not(browser, program, logged, attempt, status):
    url = logged(b"text")
    assert browser.get(url, {"attempt": attempt}).status_code == status
    assert program.get(url, {"attempt": attempt}).json()["status"] == status


def test_a_log_on_another_host_is_said_to_be_there(browser, program, logged):
    url = logged(None, host="web2/boot/1")
    assert "The log is not here: it lies on the host web2." in browser.get(url).content.decode()
    answer = program.get(url, {"offset": 0})
    assert (answer.status_code, answer.json()["detail"][-22:]) == (404, "lies on the host web2.")


def test_a_log_in_a_directory_that_hosts_share_is_here(browser, logged):
    assert browser.get(logged(b"text", host="web2/boot/1")).content == b"text"


def test_the_page_shows_the_end_of_the_log_and_where_it_goes_on(browser, logged):
    url = logged(b"\x1b[31mone\x1b[0m\n<b>two</b>\n 10%\r 20%", status="RUNNING", host="here").removesuffix("log")
    page = browser.get(url).content.decode()
    assert '<span data-part="lines">one\n&lt;b&gt;two&lt;/b&gt;\n</span><span data-part="line"> 20%</span>' in page
    assert 'data-attempt="1" data-offset="24"' in page
    assert "data-end" not in page


def test_the_page_of_a_finished_task_has_nothing_more_to_ask_for(browser, logged):
    page = browser.get(logged(b"one").removesuffix("log")).content.decode()
    assert 'data-attempt="1" data-offset="3" data-end' in page


def test_the_page_says_that_nothing_was_printed_only_while_something_may_come(browser, logged):
    said = "Nothing has been printed yet."
    assert said in browser.get(logged(None, status="RUNNING", host="").removesuffix("log")).content.decode()
    assert said not in browser.get(logged(None).removesuffix("log")).content.decode()


def test_the_page_says_on_which_host_the_log_lies(browser, logged):
    page = browser.get(logged(None, host="web2/boot/1").removesuffix("log")).content.decode()
    assert "The log lies on the host web2." in page
    assert "<details" not in page
