"""Faults in the middle of an export: the reason is said, and no part of a file stays."""

from __future__ import annotations

import errno
import io
import os

import pytest
from django.core.management import CommandError
from django.db import OperationalError

from brokerless.exceptions import TaskCancelled
from brokerless.exports import reading, writing
from brokerless.exports.exceptions import OutputError
from brokerless.exports.files import storing
from brokerless.exports.files.request import Request
from brokerless.exports.files.storing import store
from brokerless.exports.formats.layout import Layout
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.sources.chunks import Chunk
from library.models import Book
from tests.exporting.making import make_many_books
from tests.exporting.reading import names_in

pytestmark = pytest.mark.django_db


class FullDisk(io.FileIO):
    """A file on a disk with room for a few bytes."""

    room = 20

    def write(self, data: bytes) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


class LateFullDisk(FullDisk):
    """A disk that says only when all is written that there was no room (as NFS does)."""

    room = 10**9

    def flush(self) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@pytest.fixture
def disk(monkeypatch):
    """Return the function that puts every new file on a disk of that kind."""

    def put(kind):
        def create(path):
            return kind(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")

        monkeypatch.setattr(writing, "_create", create)

    return put


class FailingSource:
    """Rows that end with an error after the first block, whatever the format is made of."""

    error: BaseException

    def __init__(self, *_arguments):
        pass

    def chunks(self):
        yield Chunk(b"1\n", 1)
        raise self.error

    def blocks(self):
        yield [(1,)]
        raise self.error


@pytest.fixture
def failing_rows(monkeypatch):
    """Return the function that has reading the rows fail after the first block."""

    def fail(error):
        monkeypatch.setattr(FailingSource, "error", error, raising=False)
        monkeypatch.setattr(reading, "choose_source", FailingSource)
        monkeypatch.setattr(reading, "PortableSource", FailingSource)

    return fail


def request_and_export(file_format="csv"):
    exporter, layout = get_exporter("books"), Layout(file_format)
    columns = [column for column in exporter.get_columns() if column.name == "pk"]
    export = writing.Export(Book.objects.order_by("pk"), columns, unit="books", layout=layout)
    return Request(exporter, {}, layout=layout), export


@pytest.mark.parametrize(
    ("kind", "reason"), [(FullDisk, "No space left on device"), (LateFullDisk, "Disk quota exceeded")]
)
def test_a_full_disk_leaves_no_part_of_a_file(disk, export, tmp_path, kind, reason):
    disk(kind)
    directory = tmp_path / "out"
    directory.mkdir()
    with pytest.raises(CommandError, match=rf"books\.csv\.gz cannot be written: {reason}\."):
        export("--output", str(directory / "books.csv.gz"))
    assert names_in(directory) == []


def test_a_full_disk_leaves_no_record_of_a_stored_file(disk, export, export_directory):
    disk(FullDisk)
    with pytest.raises(CommandError, match="No space left on device"):
        export()
    assert names_in(export_directory) == []
    assert not ExportFile.objects.exists()


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("error", [OperationalError("connection lost"), KeyboardInterrupt(), TaskCancelled()])
def test_an_error_in_mid_stream_leaves_neither_file_nor_record(failing_rows, export_directory, error, file_format):
    failing_rows(error)
    with pytest.raises(OutputError if isinstance(error, OperationalError) else type(error)):
        store(*request_and_export(file_format))
    assert names_in(export_directory) == []
    assert not ExportFile.objects.exists()


def test_ctrl_c_ends_with_the_code_of_an_interrupted_program(failing_rows, export):
    failing_rows(KeyboardInterrupt())
    with pytest.raises(CommandError, match=r"^Interrupted\.$") as caught:
        export()
    assert caught.value.returncode == 130


def test_a_cancelled_task_is_left_to_say_so_itself(failing_rows, export, in_task):
    in_task()
    failing_rows(TaskCancelled())
    with pytest.raises(TaskCancelled):
        export()


def test_a_storage_whose_place_is_a_file_is_said(export, export_directory):
    export_directory.write_text("in the way")
    with pytest.raises(CommandError, match=r"exports cannot be made: File exists\."):
        export()
    assert not ExportFile.objects.exists()


def test_a_directory_that_may_not_be_written_is_said(export, tmp_path, monkeypatch):
    def refuse(path):  # and not by chmod, which does not keep root out
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(writing, "_create", refuse)
    with pytest.raises(CommandError, match=r"/books\.csv\.gz cannot be written: Permission denied\."):
        export("--output", str(tmp_path / "books.csv.gz"))
    with pytest.raises(CommandError, match=r"cannot be written: Permission denied\."):
        export()
    assert not ExportFile.objects.exists()


def test_a_record_that_cannot_be_completed_leaves_no_file(monkeypatch, export_directory):
    make_many_books(2)

    def fail(self, **_):
        raise OperationalError("the database is away")

    request, export = request_and_export()
    create = ExportFile.objects.create

    def create_and_then_fail(**values):
        record = create(**values)
        monkeypatch.setattr(ExportFile, "save", fail)
        return record

    monkeypatch.setattr(ExportFile.objects, "create", create_and_then_fail)
    with pytest.raises(OperationalError):
        store(request, export)
    assert names_in(export_directory) == []
    assert not ExportFile.objects.exists()


def test_the_next_export_after_a_fault_works(failing_rows, export, export_directory, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(storing, "write", lambda *_, **__: (_ for _ in ()).throw(OutputError("no")))
        with pytest.raises(CommandError, match=r"^no$"):
            export()
    export()
    assert len(names_in(export_directory)) == 1
    assert ExportFile.objects.get().is_ready
