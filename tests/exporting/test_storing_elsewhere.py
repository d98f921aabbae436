"""Storages with ways of their own: that encrypt, that rename, that cannot be cleaned up."""

from __future__ import annotations

import base64

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.test import Client

from brokerless.exports.exceptions import OutputError
from brokerless.exports.files import storing
from brokerless.exports.files.request import Request
from brokerless.exports.files.storing import local_path, store
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.writing import Export
from library.models import Book
from tests.exporting.making import make_book
from tests.exporting.reading import names_in, stored_bytes

pytestmark = pytest.mark.django_db


class EncryptedStorage(FileSystemStorage):
    """A storage whose files nobody can read without it."""

    def _save(self, name, content):
        return super()._save(name, ContentFile(base64.b85encode(content.read())))

    def _open(self, name, mode="rb"):
        with super()._open(name, mode) as file:
            return ContentFile(base64.b85decode(file.read()))


class RenamingStorage(FileSystemStorage):
    """A storage that has names of its own."""

    def _save(self, name, content):
        return super()._save(f"renamed-{name}", content)


class StickyStorage(FileSystemStorage):
    """A storage that removes nothing."""

    def delete(self, name):
        raise RuntimeError("the bucket cannot be reached")


@pytest.fixture
def stored_in(settings, export_directory):
    def use(kind):
        options = {"location": export_directory}
        exports = {"BACKEND": f"{__name__}.{kind.__name__}", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"exports": exports}

    return use


def store_books() -> ExportFile:
    exporter = get_exporter("books")
    return store(Request(exporter, {}), Export(Book.objects.order_by("pk"), exporter.get_columns(), unit="books"))


def test_what_a_storage_encrypts_is_encrypted_on_the_disk_and_readable_through_it(stored_in, export_directory):
    make_book()
    plain = stored_bytes(store_books())
    stored_in(EncryptedStorage)
    record = store_books()
    on_disk = (export_directory / record.storage_name).read_bytes()
    assert on_disk == base64.b85encode(plain)
    assert stored_bytes(record) == plain
    assert local_path(record) is None


def test_what_is_encrypted_is_not_left_to_nginx(stored_in, settings, django_user_model):
    settings.EXPORTS = settings.EXPORTS | {"ACCEL_REDIRECT": "/internal/"}
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("ann"))
    plain = client.get(store_books().get_absolute_url())
    assert plain["X-Accel-Redirect"].startswith("/internal/")
    stored_in(EncryptedStorage)
    record = store_books()
    response = client.get(record.get_absolute_url())
    assert not response.has_header("X-Accel-Redirect")
    assert response.getvalue() == stored_bytes(record)


def test_a_storage_that_renames_files_is_refused_and_keeps_nothing(stored_in, export_directory):
    stored_in(RenamingStorage)
    with pytest.raises(OutputError, match=r"stores a file as 'renamed-.*exports need one that keeps to names"):
        store_books()
    assert names_in(export_directory) == []
    assert not ExportFile.objects.exists()


@pytest.mark.parametrize("is_saved", [False, True], ids=["before", "after it was said to be ready"])
def test_a_file_that_cannot_be_removed_keeps_its_record_for_the_sweep(
    stored_in, export_directory, monkeypatch, caplog, is_saved
):
    stored_in(StickyStorage)
    real = ExportFile.complete

    def fail(self, **values):
        if is_saved:
            real(self, **values)
        raise RuntimeError("the database is away")

    monkeypatch.setattr(ExportFile, "complete", fail)
    with pytest.raises(RuntimeError, match="the database is away"):
        store_books()
    record = ExportFile.objects.get()
    assert names_in(export_directory) == [record.storage_name]
    assert not record.is_ready
    assert "the bucket cannot be reached" in caplog.text


def test_what_went_wrong_is_said_when_the_record_cannot_be_removed_either(monkeypatch, caplog):
    def fail(*_args, **_values):
        raise RuntimeError("the database is away")

    def fail_first(*_args, **_values):
        raise OutputError("there is no room")

    monkeypatch.setattr(storing, "write", fail_first)
    monkeypatch.setattr(ExportFile, "delete", fail)
    with pytest.raises(OutputError, match="there is no room"):
        store_books()
    assert "the database is away" in caplog.text
