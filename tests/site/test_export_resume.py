"""A part of a file, so that a download that broke off is resumed; and who has the file already."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils.http import parse_http_date

from tests.site.export_files import DATA, SHA256, opened, tagged, url_of

__all__ = ["opened", "tagged"]


def test_the_file_is_known_by_its_digest_and_its_time(browser, tagged):
    response = browser.head(url_of(tagged))
    assert response["ETag"] == f'"{SHA256}"'
    assert parse_http_date(response["Last-Modified"]) == int(tagged.ready_at.timestamp())
    assert response["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=262100-262200", slice(262100, 262201)),  # over the end of a piece
        ("bytes=-300", slice(-300, None)),
    ],
)
def test_a_part_is_sent_and_said_to_be_one(browser, tagged, wanted, part):
    response = browser.get(url_of(tagged), headers={"Range": wanted})
    first, last, _ = part.indices(len(DATA))
    assert response.status_code == 206
    assert response.getvalue() == DATA[part]
    assert response["Content-Length"] == str(len(DATA[part]))
    assert response["Content-Range"] == f"bytes {first}-{last - 1}/{len(DATA)}"
    assert response["ETag"] == f'"{SHA256}"'
    assert response["Content-Type"] == "application/gzip"


def test_a_part_behind_the_end_is_refused_with_the_size(browser, program, tagged, opened):
    for client in (browser, program):
        response = client.get(url_of(tagged), headers={"Range": f"bytes={len(DATA)}-"})
        assert response.status_code == 416
        assert response["Content-Range"] == f"bytes */{len(DATA)}"
        assert str(len(DATA)) in response.content.decode()
    assert opened == []


def test_several_parts_at_once_are_the_whole(browser, tagged):
    response = browser.get(url_of(tagged), headers={"Range": "bytes=0-1,5-6"})
    assert response.status_code == 200
    assert response.getvalue() == DATA
    assert not response.has_header("Content-Range")


@pytest.mark.parametrize(("known", "status"), [(SHA256, 206), ("0" * 64, 200)])
def test_only_the_rest_of_the_same_file_is_sent(browser, tagged, known, status):
    headers = {"Range": "bytes=1000-", "If-Range": f'"{known}"'}
    response = browser.get(url_of(tagged), headers=headers)
    assert response.status_code == status
    assert response.getvalue() == (DATA[1000:] if status == 206 else DATA)


def test_head_never_gives_a_part(browser, tagged):
    response = browser.head(url_of(tagged), headers={"Range": "bytes=1000-"})
    assert (response.status_code, response["Content-Length"]) == (200, str(len(DATA)))


def test_under_asgi_a_part_is_sent_too(tagged, ann):
    async def fetch():
        client = AsyncClient()
        await client.aforce_login(ann)
        response = await client.get(url_of(tagged), headers={"Range": "bytes=300000-600000"})
        return response, b"".join([piece async for piece in response.streaming_content])

    response, data = async_to_sync(fetch)()
    assert response.status_code == 206
    assert data == DATA[300_000:600_001]
    response.close()


def test_who_has_the_file_already_is_told_so(browser, tagged, opened):
    response = browser.get(url_of(tagged), headers={"If-None-Match": f'"{SHA256}"'})
    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == f'"{SHA256}"'
    response = browser.get(url_of(tagged), headers={"If-None-Match": '"another"'})
    assert response.getvalue() == DATA


def test_who_wants_another_file_is_refused(browser, tagged):
    assert browser.get(url_of(tagged), headers={"If-Match": '"another"'}).status_code == 412
    response = browser.get(url_of(tagged), headers={"If-Match": f'"{SHA256}"'})
    assert response.getvalue() == DATA


@pytest.mark.parametrize("wanted", [{}, {"Range": "bytes=1000-"}])
def test_a_middleware_that_compresses_answers_leaves_the_file_alone(make_file, ann, browser, settings, wanted):
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    record = make_file(ann, DATA, name="books.csv")
    response = browser.get(url_of(record), headers=wanted | {"Accept-Encoding": "gzip"})
    assert not response.has_header("Content-Encoding")
    assert response.getvalue() == (DATA[1000:] if wanted else DATA)
    assert browser.get("/books/", headers={"Accept-Encoding": "gzip"})["Content-Encoding"] == "gzip"
