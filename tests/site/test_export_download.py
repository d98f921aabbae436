"""`GET /exports/files/<id>/`: the file as it is, to those who may have it."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from brokerless.exports.files import streaming
from brokerless.models import TaskState
from tests.site.export_files import DATA, opened, url_of

if TYPE_CHECKING:
    from brokerless.exports.models import ExportFile

__all__ = ["opened"]

URL = "/exports/files/{}/"


@pytest.fixture
def record(make_file, ann) -> ExportFile:
    return make_file(ann, DATA)


def test_the_owner_gets_the_file_byte_for_byte(browser, record):
    response = browser.get(url_of(record))
    assert response.status_code == 200
    assert response.getvalue() == DATA
    assert response.streaming


def test_the_headers_keep_it_a_private_compressed_file(browser, record):
    response = browser.get(url_of(record))
    assert response["Content-Type"] == "application/gzip"
    assert not response.has_header("Content-Encoding")
    assert response["Content-Disposition"] == 'attachment; filename="books.csv.gz"'
    assert response["Content-Length"] == str(len(DATA))
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    response.close()


def test_it_is_not_left_to_a_middleware_that_a_browser_does_not_guess(browser, record, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.endswith("SecurityMiddleware")]
    response = browser.get(url_of(record))
    assert response["X-Content-Type-Options"] == "nosniff"
    response.close()


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ('a "b".csv.gz', 'attachment; filename="a \\"b\\".csv.gz"'),
        ("livres é.csv.gz", "attachment; filename*=utf-8''livres%20%C3%A9.csv.gz"),
    ],
)
def test_the_name_is_quoted(browser, make_file, ann, name, header):
    response = browser.get(url_of(make_file(ann, name=name)))
    assert response["Content-Disposition"] == header
    response.close()


def test_head_gives_the_headers_alone(browser, record):
    response = browser.head(url_of(record))
    assert response.status_code == 200
    assert response["Content-Length"] == str(len(DATA))
    assert response["Content-Type"] == "application/gzip"
    assert response.content == b""


def test_the_file_is_closed_when_it_is_sent(browser, record, opened):
    response = browser.get(url_of(record))
    assert not opened[0].closed
    response.getvalue()
    response.close()
    assert opened[0].closed


def test_the_file_is_closed_when_the_client_leaves_before_the_first_piece(browser, record, opened):
    browser.get(url_of(record)).close()
    assert opened[0].closed


def test_the_file_is_closed_after_head(browser, record, opened):
    browser.head(url_of(record))
    assert opened[0].closed


def test_it_is_sent_in_pieces(browser, record):
    pieces = list(browser.get(url_of(record)).streaming_content)
    assert len(pieces) == len(DATA) // streaming.PIECE == 4


def test_under_asgi_it_is_sent_in_pieces_as_they_are_read(record, ann, opened):
    async def fetch():
        client = AsyncClient()
        await client.aforce_login(ann)
        response = await client.get(url_of(record))
        assert response.is_async
        pieces = [piece async for piece in response.streaming_content]
        return response, pieces

    response, pieces = async_to_sync(fetch)()
    assert b"".join(pieces) == DATA
    assert len(pieces) == 4
    assert response["Content-Type"] == "application/gzip"
    response.close()
    assert opened[0].closed


def test_somebody_else_does_not_find_it(record, bob, browser_of, program_of):
    assert browser_of(bob).get(url_of(record)).status_code == 404
    response = program_of(bob).get(url_of(record))
    assert (response.status_code, response.json()["title"]) == (404, "Not Found")


def test_what_does_not_exist_is_not_told_from_what_is_somebody_else_s(record, bob, program_of):
    hidden = program_of(bob).get(url_of(record))
    missing = program_of(bob).get(URL.format(uuid.uuid4()))
    assert hidden.content == missing.content


def test_a_file_without_an_owner_is_for_staff(make_file, staff, bob, browser_of):
    record = make_file(None)
    assert browser_of(bob).get(url_of(record)).status_code == 404
    response = browser_of(staff).get(url_of(record))
    assert response.status_code == 200
    response.close()


def test_a_file_whose_owner_was_deleted_stays_somebody_else_s(make_file, staff, person, browser_of):
    record = make_file(None, was_owned=True)
    assert browser_of(staff).get(url_of(record)).status_code == 404
    permitted = person("auditor", "view_exportfile", "view_book", is_staff=True)
    response = browser_of(permitted).get(url_of(record))
    assert response.status_code == 200
    response.close()


def test_staff_need_a_permission_for_other_people_s_files(record, staff, person, browser_of):
    assert browser_of(staff).get(url_of(record)).status_code == 404
    permitted = person("auditor", "view_exportfile", "view_book", is_staff=True)
    response = browser_of(permitted).get(url_of(record))
    assert response.status_code == 200
    response.close()


def test_the_permission_is_asked_for_again(record, ann, browser, program):
    ann.user_permissions.clear()
    assert browser.get(url_of(record)).status_code == 403
    assert "library.view_book" in program.get(url_of(record)).json()["detail"]


def test_a_file_of_an_exporter_that_is_gone_is_refused(make_file, ann, program):
    assert program.get(url_of(make_file(ann, exporter="films"))).status_code == 403


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [({"ready_at": None}, HTTPStatus.CONFLICT, "not ready yet"), ({}, HTTPStatus.GONE, "no longer there")],
)
def test_a_file_that_is_not_there_yet_or_no_more_is_said(make_file, ann, browser, program, values, status, text):
    record = make_file(ann, **values)
    record.storage.delete(record.storage_name)
    problem = program.get(url_of(record))
    assert problem.status_code == problem.json()["status"] == status
    assert text in problem.json()["detail"]
    page = browser.get(url_of(record))
    assert page.status_code == status
    assert text in page.content.decode()


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_a_file_whose_export_ended_before_it_was_ready_never_comes(make_file, make_task, ann, program, status):
    record = make_file(ann, ready_at=None, task=make_task(ann, status=status))
    problem = program.get(url_of(record))
    assert problem.status_code == problem.json()["status"] == 410
    assert "ended before the file was complete" in problem.json()["detail"]


@pytest.mark.parametrize("status", sorted(set(TaskState.Status) - TaskState.FINISHED))
def test_a_file_whose_export_goes_on_is_not_ready_yet(make_file, make_task, ann, program, status):
    now = timezone.now()
    task = make_task(ann, status=status, host="another", claimed_at=now, heartbeat_at=now)
    assert program.get(url_of(make_file(ann, ready_at=None, task=task))).status_code == 409


def test_a_ready_file_outlives_a_task_that_failed_afterwards(make_file, make_task, ann, program):
    response = program.get(url_of(make_file(ann, task=make_task(ann, status="FAILED"))))
    assert response.status_code == 200
    response.close()


def test_a_visitor_logs_in_first_and_comes_back(visitor, record):
    response = visitor.get(url_of(record))
    assert (response.status_code, response.url) == (302, f"/login/?next={url_of(record)}")
