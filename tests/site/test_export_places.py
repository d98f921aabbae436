"""Files whose time is over, storages that are away or elsewhere, and files that nginx sends."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.files import File
from django.core.files.storage import InMemoryStorage
from django.utils import timezone

from tests.site.export_files import DATA, opened, tagged, url_of

__all__ = ["opened", "tagged"]


def test_a_file_whose_time_is_over_is_not_sent_even_while_it_is_there(make_file, ann, browser, program):
    record = make_file(ann, expires_at=timezone.now() - timedelta(seconds=1))
    assert record.storage.exists(record.storage_name)
    problem = program.get(url_of(record))
    assert problem.status_code == problem.json()["status"] == 410
    assert "expired on" in problem.json()["detail"]
    assert browser.get(url_of(record)).status_code == 410


def test_a_file_whose_time_is_not_over_is_sent(make_file, ann, browser):
    record = make_file(ann, expires_at=timezone.now() + timedelta(seconds=60))
    response = browser.get(url_of(record))
    assert response.status_code == 200
    response.close()


def test_a_file_that_was_removed_says_when(make_file, ann, program):
    record = make_file(ann, expires_at=timezone.now() + timedelta(days=1), removed_at=timezone.now())
    assert program.get(url_of(record)).status_code == 410


class ForwardFile(File):
    """A file that can only be read from its beginning on."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation("seek")


class StorageOfAnotherKind(InMemoryStorage):
    """A storage whose library has files and errors of its own."""

    is_away = False

    def open(self, name, mode="rb"):
        if self.is_away:
            raise RuntimeError("endpoint could not be resolved")
        return ForwardFile(super().open(name, mode))


@pytest.fixture
def elsewhere(settings, export_directory):
    kind = f"{__name__}.{StorageOfAnotherKind.__qualname__}"
    settings.STORAGES = settings.STORAGES | {"exports": {"BACKEND": kind}}
    return StorageOfAnotherKind


def test_a_part_of_what_can_only_be_read_from_the_beginning_on(elsewhere, make_file, ann, browser):
    response = browser.get(url_of(make_file(ann, DATA)), headers={"Range": "bytes=600000-700000"})
    assert response.status_code == 206
    assert response.getvalue() == DATA[600_000:700_001]


def test_a_storage_that_is_away_is_said_in_words(elsewhere, make_file, ann, browser, program, monkeypatch):
    record = make_file(ann)
    monkeypatch.setattr(elsewhere, "is_away", True)
    problem = program.get(url_of(record))
    assert problem.status_code == problem.json()["status"] == 503
    assert "endpoint could not be resolved" in problem.json()["detail"]
    assert browser.get(url_of(record)).status_code == 503


@pytest.fixture
def accelerated(settings):
    settings.EXPORTS = settings.EXPORTS | {"ACCEL_REDIRECT": "/internal/exports/"}


def test_behind_nginx_the_file_is_named_to_it(accelerated, browser, tagged, opened):
    for ask in (browser.get, browser.head):
        response = ask(url_of(tagged), headers={"Range": "bytes=5-"})
        assert response.status_code == 200
        assert response["X-Accel-Redirect"] == f"/internal/exports/{tagged.storage_name}"
        assert response["Content-Disposition"] == 'attachment; filename="books.csv.gz"'
        assert response["Content-Type"] == "application/gzip"
        assert response["Cache-Control"] == "private, no-store"
        assert response.content == b""
    assert opened == []


def test_behind_nginx_the_permission_is_asked_for_first(accelerated, tagged, bob, browser_of):
    response = browser_of(bob).get(url_of(tagged))
    assert response.status_code == 404
    assert not response.has_header("X-Accel-Redirect")


def test_behind_nginx_a_file_that_is_gone_is_said(accelerated, browser, tagged):
    tagged.storage.delete(tagged.storage_name)
    assert browser.get(url_of(tagged)).status_code == 410


def test_behind_nginx_django_sends_the_files_of_a_storage_elsewhere(
    accelerated, elsewhere, make_file, ann, browser
):
    response = browser.get(url_of(make_file(ann, DATA)))
    assert response.getvalue() == DATA
    assert not response.has_header("X-Accel-Redirect")
