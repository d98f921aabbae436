"""Stored files: recorded first, ready last, and readable by their owner alone."""

from __future__ import annotations

import gzip
import hashlib
import stat

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.utils import timezone

from brokerless.exceptions import LeaseLost
from brokerless.exports.exceptions import OutputError
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.sources.portable import PortableSource
from brokerless.exports.storing import Request, local_path, store
from brokerless.exports.writing import Export
from library.models import Book
from tests.exporting.making import make_many_books
from tests.exporting.reading import names_in, read_csv, stored_bytes

pytestmark = pytest.mark.django_db


class DistantStorage(InMemoryStorage):
    """A storage on no disk of this machine, as Django's own for tests."""


class BrokenStorage(DistantStorage):
    """A storage that keeps half of what it gets, and then fails."""

    def _save(self, name, content):
        super()._save(name, ContentFile(content.read(10)))
        raise ConnectionResetError(104, "Connection reset by peer")


@pytest.fixture
def storage_of(settings):
    def use(kind):
        backend = f"{kind.__module__}.{kind.__qualname__}"
        settings.STORAGES = settings.STORAGES | {"exports": {"BACKEND": backend}}

    return use


def store_books(**keywords) -> ExportFile:
    exporter = get_exporter("books")
    export = Export(Book.objects.order_by("pk"), exporter.get_columns(), unit="books")
    return store(Request(exporter, {"language": "eng"}, **keywords), export)


def test_the_record_says_what_the_file_is(django_user_model, export_directory):
    make_many_books(3)
    ann = django_user_model.objects.create(username="ann")
    record = ExportFile.objects.get(pk=store_books(owner_id=ann.pk).pk)
    data = stored_bytes(record)
    assert (record.exporter, record.filters, record.owner, record.task) == (
        "books",
        {"language": "eng"},
        ann,
        None,
    )
    assert (record.rows, record.bytes) == (3, len(data))
    assert record.sha256 == hashlib.sha256(data).hexdigest()
    assert record.is_ready
    assert len(read_csv(gzip.decompress(data))) == 3


def test_the_user_gets_a_name_that_says_what_it_holds_and_the_storage_one_of_its_key(export_directory):
    record = store_books()
    assert record.name == f"books-{timezone.localdate().isoformat()}.csv.gz"
    assert names_in(export_directory) == [f"{record.pk}.csv.gz"]
    assert local_path(record) == export_directory / record.storage_name


def test_the_file_and_its_directory_are_private(export_directory):
    path = local_path(store_books())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(export_directory.stat().st_mode) == 0o700


def test_while_it_is_written_the_record_is_there_and_not_ready(monkeypatch):
    seen = []
    blocks = PortableSource.blocks

    def watched(self):
        seen.extend(ExportFile.objects.values_list("ready_at", "rows", "bytes", "sha256"))
        yield from blocks(self)

    monkeypatch.setattr(PortableSource, "blocks", watched)
    store_books()
    assert seen == [(None, None, None, "")]
    assert ExportFile.objects.filter(ready_at__isnull=False).count() == 1


def test_in_a_task_the_record_knows_it(in_task):
    task = in_task()
    assert store_books().task_id == task.id


def test_the_same_rows_make_the_same_bytes():
    make_many_books(500)
    assert store_books().sha256 == store_books().sha256


def test_a_storage_elsewhere_gets_the_complete_file(storage_of):
    storage_of(DistantStorage)
    make_many_books(3)
    record = store_books()
    assert local_path(record) is None
    assert hashlib.sha256(stored_bytes(record)).hexdigest() == record.sha256


def test_a_storage_elsewhere_that_fails_keeps_nothing(storage_of):
    storage_of(BrokenStorage)
    with pytest.raises(OutputError, match=r"storage cannot be written to: Connection reset by peer\."):
        store_books()
    assert not ExportFile.objects.exists()
    assert ExportFile().storage.listdir("") == ([], [])


def test_nothing_is_uploaded_without_the_lease(storage_of, in_task):
    storage_of(DistantStorage)
    in_task()._end.lost = LeaseLost("somebody else's")
    with pytest.raises(LeaseLost):
        store_books()
    assert ExportFile().storage.listdir("") == ([], [])
    assert not ExportFile.objects.exists()


def test_files_are_visible_to_their_owner(django_user_model):
    ann, ben = (django_user_model.objects.create(username=name) for name in ("ann", "ben"))
    record = store_books(owner_id=ann.pk)
    assert list(ExportFile.objects.visible_to(ann)) == [record]
    assert list(ExportFile.objects.visible_to(ben)) == []


def test_files_without_an_owner_are_visible_to_staff(django_user_model):
    record = store_books()
    staff = django_user_model.objects.create(username="staff", is_staff=True)
    ann = django_user_model.objects.create(username="ann")
    assert list(ExportFile.objects.visible_to(staff)) == [record]
    assert list(ExportFile.objects.visible_to(ann)) == []
