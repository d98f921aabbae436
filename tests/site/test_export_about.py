"""The page about a file, and what the task's page says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless.exports.files.storing import describe
from brokerless.exports.models import Delivery, ExportFile
from tests.site.export_files import DATA, SHA256, url_of


def about(record: ExportFile) -> str:
    return f"/exports/files/{record.pk}/about/"


def test_the_page_about_a_file_says_what_it_is_and_how_the_mails_went(browser, make_file, ann):
    record = make_file(ann, DATA, sha256=SHA256, rows=1234, expires_at=timezone.now() + timedelta(days=1))
    Delivery.objects.create(file=record, recipient="eve@example.org", status="REFUSED", detail="no such user")
    page = browser.get(about(record)).content.decode()
    for text in (
        "1,234",
        SHA256,
        "eve@example.org",
        "Refused: no such user",
        url_of(record),
        "Can be fetched until",
    ):
        assert text in page
    assert "Revoke all links" not in page


def test_the_page_about_a_file_without_rows_says_that_nothing_was_found(browser, make_file, ann):
    assert "nothing was found" in browser.get(about(make_file(ann, rows=0))).content.decode()


def test_the_page_about_a_file_that_is_over_offers_no_download(browser, make_file, ann):
    page = browser.get(about(make_file(ann, expires_at=timezone.now()))).content.decode()
    assert "expired on" in page
    assert " download>" not in page


def test_a_file_has_the_title_that_its_mail_has(browser, make_file, make_task, ann):
    by_hand = make_task(ann, title="Export books", by_hand=True)
    record = make_file(ann, task=by_hand, filters={"language": "eng"})
    assert "<h1>Books, English</h1>" in browser.get(about(record)).content.decode()
    ExportFile.objects.update(title="Books, 2 selected")
    assert "<h1>Books, 2 selected</h1>" in browser.get(about(record)).content.decode()


def test_a_file_from_before_it_had_a_title_has_that_of_its_task(browser, make_file, make_task, ann):
    record = make_file(ann, task=make_task(ann, title="Books of the year"))
    assert "<h1>Books of the year</h1>" in browser.get(about(record)).content.decode()


def test_all_links_are_said_to_be_revoked_also_one_that_was_made_just_then(browser, program, make_file, ann):
    tomorrow = timezone.now() + timedelta(days=1)
    record = make_file(ann, DATA, expires_at=tomorrow, links_revoked_at=timezone.now())
    Delivery.objects.create(file=record, recipient="eve@example.org", status="SENT", link_expires_at=tomorrow)
    page = browser.get(about(record)).content.decode()
    assert "Revoked" in page
    assert "Revoke all links" not in page
    found = program.get(about(record)).json()
    assert found["links_revoked_at"] == found["deliveries"][0]["link_revoked_at"] is not None


def test_a_program_reads_the_same(program, make_file, ann):
    record = make_file(ann, DATA, sha256=SHA256)
    found = program.get(about(record)).json()
    assert (found["id"], found["bytes"], found["sha256"]) == (str(record.pk), len(DATA), SHA256)
    assert found["links"]["download"] == url_of(record)
    ExportFile.objects.update(expires_at=timezone.now())
    assert "download" not in program.get(about(record)).json()["links"]


def test_the_page_about_a_file_is_its_owner_s(make_file, bob, browser_of, ann, browser):
    record = make_file(ann)
    assert browser_of(bob).get(about(record)).status_code == 404
    assert browser.get(about(record)).status_code == 200
    ann.user_permissions.clear()
    assert browser.get(about(record)).status_code == 403


def test_the_task_s_page_says_how_to_check_the_file_and_until_when_it_is_kept(browser, make_file, make_task, ann):
    record = make_file(ann, DATA, sha256=SHA256, expires_at=timezone.now() + timedelta(days=1))
    task = make_task(ann, status="SUCCESSFUL", result=describe(record))
    page = browser.get(f"/tasks/{task.pk}/").content.decode()
    for text in (SHA256, "Can be fetched until", about(record), f'href="{url_of(record)}"'):
        assert text in page


def test_the_task_s_page_says_that_the_file_has_expired(browser, program, make_file, make_task, ann):
    record = make_file(ann, DATA, expires_at=timezone.now() - timedelta(seconds=1))
    task = make_task(ann, status="SUCCESSFUL", result=describe(record))
    page = browser.get(f"/tasks/{task.pk}/").content.decode()
    assert "books.csv.gz expired on" in page
    assert f'href="{url_of(record)}"' not in page
    assert "download" not in program.get(f"/tasks/{task.pk}/").json()["links"]


@pytest.mark.parametrize("nonsense", [{"expires_at": "soon"}, {"expires_at": "2026-13-45"}, {"expires_at": 5}, {}])
def test_what_a_command_says_of_the_end_is_not_believed_blindly(browser, make_task, ann, nonsense):
    result = {"download": "/x/", "details": "//evil.example/", "sha256": ["<b>"]} | nonsense
    page = browser.get(f"/tasks/{make_task(ann, status='SUCCESSFUL', result=result).pk}/").content.decode()
    assert 'href="/x/"' in page
    assert "evil" not in page
    assert "Can be fetched until" not in page
