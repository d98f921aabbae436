"""`GET /exports/<name>/download/`: few rows are sent at once, and are the same bytes as the task's file."""

from __future__ import annotations

import asyncio
import gzip
import io

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from brokerless.exports.asking import direct
from brokerless.exports.models import ExportFile
from brokerless.exports.reading import file_pieces
from brokerless.models import TaskState
from library.models import Author, Book
from tests.exporting.making import make_book, make_many_books
from tests.exporting.reading import read_csv, stored_bytes
from tests.site.page_parts import Page

URL = "/exports/books/download/"


def body_of(response) -> bytes:
    assert response.status_code == 200, response.content
    return b"".join(response)


@pytest.fixture
def shelf(site):
    make_book("Iliad", author="Homer", published_year=-750, language="grc")
    make_book("=1+1", author="James Joyce", published_year=1922, language="eng")
    make_book("Emma", author="Jane Austen", published_year=1815, language="eng", available=False)


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({}, {}),
        ({"language": "eng", "q": ""}, {"language": "eng"}),
        ({"format": "tsv", "compress": "none"}, {"format": "tsv", "compress": "none"}),
        (
            {"format": "jsonl", "columns": "title,author__name"},
            {"format": "jsonl", "columns": ["title", "author__name"]},
        ),
        ({"format": "xlsx"}, {"format": "xlsx"}),
        ({"format": "parquet"}, {"format": "parquet"}),
        (
            {"guard": "true", "bom": "on", "delimiter": ";"},
            {"bom": True, "delimiter": "semicolon"},
        ),
        ({"q": "nothing like it"}, {"q": "nothing like it"}),
    ],
)
def test_it_is_the_file_that_a_task_would_make(browser, shelf, query, options):
    response = browser.get(URL, query)
    sent = body_of(response)
    call_command("export_books", verbosity=0, **options)
    record = ExportFile.objects.get()
    assert sent == stored_bytes(record)
    assert response["Content-Length"] == str(len(sent))
    assert response["Content-Disposition"] == f'attachment; filename="{record.name}"'
    assert response["Content-Type"] == record.content_type
    assert not TaskState.objects.exists()


def test_it_is_private_and_not_unpacked_on_the_way(browser, shelf):
    response = browser.get(URL)
    assert response["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in response
    assert (response["Cache-Control"], response["X-Content-Type-Options"]) == ("private, no-store", "nosniff")
    assert len(read_csv(gzip.decompress(body_of(response)))) == 3


@pytest.mark.parametrize(("limit", "status"), [(2, 303), (3, 200), (4, 200)])
def test_the_limit_is_the_most_rows_that_are_sent(browser, shelf, settings, limit, status):
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": limit}
    response = browser.get(URL)
    assert response.status_code == status
    b"".join(response)  # which closes the file


def test_no_row_is_counted(browser, settings, django_assert_max_num_queries):
    make_many_books(50)
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": 10}
    with django_assert_max_num_queries(12) as queries:
        assert browser.get(URL).status_code == 303
    assert not any("COUNT(" in query["sql"] for query in queries)


def test_the_database_is_asked_for_one_row_more_than_the_limit_and_for_no_other(browser, settings, monkeypatch):
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": 10}
    asked = []

    def noted(export, *arguments, **keywords):
        asked.append(export.queryset.query.high_mark)
        return file_pieces(export, *arguments, **keywords)

    monkeypatch.setattr(direct, "file_pieces", noted)
    body_of(browser.get(URL))
    assert asked == [11]


def test_ties_are_in_the_order_of_the_task_s_file(person, browser_of, settings, monkeypatch):
    """Also where the rows are cut: which are in the file must not be left to the database."""
    for number in range(30):
        Author.objects.create(name=f"{number:02}")
    from brokerless.exports.registry import get_exporter

    monkeypatch.setattr(type(get_exporter("authors")), "queryset", Author.objects.order_by("books__available"))
    sent = body_of(browser_of(person("dora", "view_author")).get("/exports/authors/download/?columns=name"))
    assert [row["name"] for row in read_csv(gzip.decompress(sent))] == [f"{number:02}" for number in range(30)]


def test_too_many_rows_lead_to_the_form_with_everything_kept(browser, shelf, settings):
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": 1}
    query = "language=eng&format=xlsx&columns=title&columns=pk&compress=gzip"
    response = browser.get(f"{URL}?{query}")
    assert (response.status_code, response.url) == (303, f"/exports/books/?{query}")
    page = browser.get(response.url).content.decode()
    assert "These are more than 1 row. That is too much to be sent at once; export it here." in page
    assert 'value="eng"' in page
    assert '<option value="xlsx" selected>' in page


def test_a_program_is_told_the_limit_and_the_way(program, shelf, settings):
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": 1}
    response = program.get(URL)
    assert response.status_code == response.json()["status"] == 409
    assert response["Content-Type"] == "application/problem+json"
    assert "more than 1 row." in response.json()["detail"]
    assert "POST the same to /exports/books/" in response.json()["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"min_rating": "9"}, "min_rating"),
        ({"publisher": "x"}, "publisher"),
        ({"format": "xls"}, "format"),
        ({"columns": ""}, "columns"),
        ({"columns": "publisher"}, "columns"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_sent(browser, program, shelf, query, field):
    response = program.get(URL, query)
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]
    page = browser.get(URL, query)
    assert (page.status_code, page["Content-Type"]) == (422, "text/html; charset=utf-8")


@pytest.mark.parametrize("value", ["false", "maybe"])
def test_a_link_does_not_switch_the_guard_off(browser, program, shelf, value):
    response = program.get(URL, {"guard": value})
    assert response.status_code == 422
    assert list(response.json()["errors"]) == ["guard"]
    page = browser.get(URL, {"guard": value})
    assert page.status_code == 422
    # The form that is shown has the box ticked, as it is by default.
    (box,) = Page(page.content.decode()).find("input", type="checkbox", name="guard")
    assert "checked" in box


def test_without_the_guard_a_file_is_asked_for_by_the_form(browser, program, shelf):
    page = browser.get(URL, {"guard": "false"}).content.decode()
    assert "untick it in the form, or POST the same to /exports/books/." in page
    assert program.post("/exports/books/", {"guard": "false"}).status_code == 202
    assert TaskState.objects.get().options == {"guard": False}


@pytest.mark.parametrize("value", ["true", "on", ""])
def test_with_the_guard_it_is_fetched(browser, shelf, value):
    titles = [row["title"] for row in read_csv(gzip.decompress(body_of(browser.get(URL, {"guard": value}))))]
    assert "'=1+1" in titles


@pytest.mark.parametrize("field", ["email_me", "email"])
def test_it_is_not_mailed(program, shelf, field):
    response = program.get(URL, {field: "ann@example.org"})
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]


def test_who_may_not_see_the_books_gets_none(person, browser_of, program_of, visitor, shelf):
    eve = person("eve")
    assert browser_of(eve).get(URL).status_code == 403
    assert "library.view_book" in program_of(eve).get(URL).json()["detail"]
    assert visitor.get(URL).url == f"/login/?next={URL}"


def test_an_unknown_exporter_is_not_found(browser):
    assert browser.get("/exports/films/download/").status_code == 404


def test_it_is_fetched_and_never_posted(browser):
    assert browser.post(URL).status_code == 405


def test_what_fails_in_the_last_row_is_told_by_the_status(browser, program, shelf, monkeypatch):
    """A stream that had begun could only have ended early, and looked complete."""

    def fail_at_the_end(*arguments, **keywords):
        yield from file_pieces(*arguments, **keywords)
        raise direct.ExportError("out of paper")

    monkeypatch.setattr(direct, "file_pieces", fail_at_the_end)
    assert (program.get(URL).status_code, program.get(URL).json()["detail"]) == (500, "out of paper")
    assert "out of paper" in browser.get(URL).content.decode()


def test_what_the_database_says_is_for_the_log_and_not_for_the_user(program, shelf, monkeypatch, caplog):
    def fail(*arguments, **keywords):
        raise DatabaseError("no such column: shelf")

    monkeypatch.setattr("brokerless.exports.reading.choose_source", fail)
    response = program.get(URL)
    assert response.status_code == 500
    assert response.json()["detail"].startswith("The file could not be made.")
    assert "shelf" not in response.content.decode()
    assert "no such column: shelf" in caplog.text


def test_a_value_that_the_format_cannot_hold_is_named(program, site):
    make_book("x" * 400, contributors="x" * 40_000)
    response = program.get(URL, {"format": "xlsx"})
    assert response.status_code == 422
    assert "contributors" in response.json()["detail"]


def test_it_is_on_the_disk_where_it_is_large(browser, shelf, monkeypatch):
    monkeypatch.setattr(direct, "IN_MEMORY", 10)
    response = browser.get(URL, {"compress": "none"})
    file = response.streaming_content
    assert len(read_csv(b"".join(file))) == 3


def test_a_file_that_is_refused_is_closed(browser, shelf, settings, monkeypatch):
    made = []

    class Noted(io.BytesIO):
        def __init__(self, *, max_size: int) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(direct.tempfile, "SpooledTemporaryFile", Noted)
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": 1}
    assert browser.get(URL).status_code == 303
    assert [file.closed for file in made] == [True]
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": 3}
    response = browser.get(URL)
    assert not made[1].closed
    b"".join(response)
    assert made[1].closed


def test_for_the_head_alone_no_row_is_read(browser, program, shelf, settings, monkeypatch):
    whole = browser.get(URL)
    body_of(whole)
    monkeypatch.setattr("brokerless.exports.views.direct.write_directly", None)
    settings.EXPORTS = settings.EXPORTS | {"DIRECT_LIMIT": 1}
    with CaptureQueriesContext(connection) as queries:
        head = browser.head(URL)
    assert (head.status_code, b"".join(head)) == (200, b"")
    # Not even a length of 0, as of a file that is empty.
    assert {*whole.headers} - {*head.headers} == {"Content-Length"}
    assert head["Content-Disposition"] == whole["Content-Disposition"]
    assert not [query for query in queries if '"library_book"' in query["sql"]]
    assert program.head(URL, {"format": "xls"}).status_code == 422
    # And nobody finds a message of it on the next page.
    assert "too much to be sent" not in browser.get("/exports/books/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_under_asgi_it_is_streamed_too(ann):
    make_book("Emma")
    client = AsyncClient()
    client.force_login(ann)

    async def fetched() -> bytes:
        response = await client.get(URL)
        assert response.is_async
        return b"".join([piece async for piece in response])

    assert asyncio.run(client.head(URL)).status_code == 200
    assert [row["title"] for row in read_csv(gzip.decompress(asyncio.run(fetched())))] == ["Emma"]


def test_the_books_page_offers_what_it_shows(browser, shelf):
    page = browser.get("/books/?language=eng&page=1").content.decode()
    assert 'href="/exports/books/download/?language=eng"' in page
    assert 'href="/exports/books/?language=eng"' in page
    assert Book.objects.count() == 3
    assert "/exports/books/download/" not in browser.get("/books/?q=nothing+like+it").content.decode()
