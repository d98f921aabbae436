"""Stored files: recorded first, ready last, and readable by their owner alone."""

from __future__ import annotations

import gzip
import hashlib
import stat

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.db.models import F
from django.utils import timezone

from brokerless.exceptions import LeaseLost
from brokerless.exports.exceptions import OutputError
from brokerless.exports.files import storing
from brokerless.exports.files.request import Request
from brokerless.exports.files.storing import describe, local_path, store
from brokerless.exports.formats.layout import Layout
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.writing import Export, write
from brokerless.models import TaskState
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


def test_the_storage_s_options_may_let_a_group_read_as_nginx_needs_it(export_directory, settings):
    exports = settings.STORAGES["exports"]
    modes = {"file_permissions_mode": 0o640, "directory_permissions_mode": 0o750}
    settings.STORAGES = settings.STORAGES | {"exports": exports | {"OPTIONS": exports["OPTIONS"] | modes}}
    path = local_path(store_books())
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(export_directory.stat().st_mode) == 0o750


def test_a_storage_that_says_nothing_of_modes_is_private(export_directory, settings):
    exports = settings.STORAGES["exports"]
    settings.STORAGES = settings.STORAGES | {"exports": exports | {"OPTIONS": {"location": export_directory}}}
    path = local_path(store_books())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(export_directory.stat().st_mode) == 0o700


def test_while_it_is_written_the_record_is_there_and_not_ready(monkeypatch):
    seen = []

    def watched(*arguments):
        seen.extend(ExportFile.objects.values_list("ready_at", "rows", "bytes", "sha256"))
        return write(*arguments)

    monkeypatch.setattr(storing, "write", watched)
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


def test_whose_a_file_is_can_be_said_otherwise(django_user_model):
    """As of tasks: by what stands for the owner."""
    ann, ben = (django_user_model.objects.create(username=name) for name in ("ann", "ben"))
    cleo = django_user_model.objects.create(username="cleo", is_staff=True)
    record = store_books(owner_id=ann.pk)
    ExportFile.objects.update(task=TaskState.objects.create(command="export_books", owner=ben))
    files = ExportFile.objects.alias(whose=F("task__owner_id"))
    assert list(files.visible_to(ben, owner="whose")) == [record]
    assert list(files.visible_to(ann, owner="whose")) == []
    # Who is gone there is no nobody.
    ben.delete()
    assert list(files.visible_to(cleo, owner="whose")) == []


def test_files_without_an_owner_are_visible_to_staff(django_user_model):
    record = store_books()
    staff = django_user_model.objects.create(username="staff", is_staff=True)
    ann = django_user_model.objects.create(username="ann")
    assert list(ExportFile.objects.visible_to(staff)) == [record]
    assert list(ExportFile.objects.visible_to(ann)) == []


def test_the_record_says_of_which_kind_the_file_is():
    layout = Layout(format="csv", compress="none")
    exporter = get_exporter("books")
    request = Request(exporter, {}, columns=["title", "isbn13"], layout=layout)
    record = store(
        request, Export(Book.objects.order_by("pk"), exporter.get_columns(), unit="books", layout=layout)
    )
    assert (record.format, record.columns, record.is_gzipped) == ("csv", ["title", "isbn13"], False)
    assert record.name == f"books-{timezone.localdate().isoformat()}.csv"
    assert record.storage_name == f"{record.pk}.csv"
    assert record.content_type == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("values", "content_type"),
    [
        ({"name": "a.csv.gz"}, "application/gzip"),
        ({"name": "a.tsv", "format": "tsv"}, "text/tab-separated-values; charset=utf-8"),
        ({"name": "a.parquet", "format": "parquet"}, "application/vnd.apache.parquet"),
        ({"name": "a.ods", "format": "ods"}, "application/octet-stream"),  # of a format that is no more
    ],
)
def test_the_type_is_that_of_the_format_or_of_its_compression(values, content_type):
    assert ExportFile(**values).content_type == content_type


def test_the_name_in_the_storage_has_nothing_of_the_name_that_the_user_gets():
    record = ExportFile(name="../../a.b.csv.gz")
    assert record.storage_name == f"{record.pk}.csv.gz"


class AwayStorage(DistantStorage):
    """A storage whose library has errors of its own, and no connection."""

    def _save(self, name, content):
        raise RuntimeError("endpoint could not be resolved")

    def exists(self, name):
        raise RuntimeError("endpoint could not be resolved")

    def delete(self, name):
        raise RuntimeError("endpoint could not be resolved")


def test_a_storage_that_is_away_is_said_in_words(storage_of):
    storage_of(AwayStorage)
    with pytest.raises(OutputError, match=r"storage cannot be written to: endpoint could not be resolved\."):
        store_books()
    assert not ExportFile.objects.get().is_ready  # for the purge, which knows of it


def test_the_result_says_what_there_is_to_fetch(settings):
    record = store_books()
    result = describe(record)
    assert result == {
        "file": str(record.pk),
        "name": record.name,
        "rows": 0,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "expires_at": record.expires_at.isoformat(),
        "download": f"/exports/files/{record.pk}/",
        "details": f"/exports/files/{record.pk}/about/",
    }
    settings.ROOT_URLCONF = "tests.exporting.no_urls"
    assert "download" not in describe(record)
    assert "details" not in describe(record)
