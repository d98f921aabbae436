"""A disk that is full, and a storage that goes away: the reason is said, and no part of a file stays."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import InMemoryStorage

from brokerless.exports import writing
from brokerless.exports.models import ExportFile
from tests.exporting.faults import (
    OUTPUT,
    assert_nothing_is_left,
    every_destination,
    every_format,
    export_in_vain,
    words_for,
)
from tests.exporting.making import make_many_books, store_in
from tests.exporting.reading import names_in
from tests.requirements import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.django_db

ROOM = 16_384  # bytes of the small disk
BOOKS = 5_000  # more than it has room for, in any format


@pytest.fixture
def small_disk(tmp_path: Path, settings) -> Iterator[Path]:
    """Return a directory on a disk of its own with little room, where export files are stored, too."""
    directory = tmp_path / "disk"
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(directory)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        missing("a small disk", f"mount it as root ({getattr(error, 'stderr', error)})")
    store_in(directory, settings)
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


@every_format
@every_destination
def test_a_full_disk_is_said_and_has_its_room_back(small_disk, file_format, destination):
    make_many_books(BOOKS)
    free = free_bytes(small_disk)
    said = export_in_vain(*words_for(file_format, destination, small_disk))
    assert said.endswith("cannot be written: No space left on device.")
    assert_nothing_is_left(small_disk)
    assert free_bytes(small_disk) == free


@every_format
def test_what_fits_is_written_to_the_same_disk(small_disk, export, file_format):
    make_many_books(10)
    export(*words_for(file_format, OUTPUT, small_disk))
    assert len(names_in(small_disk)) == 1


def test_a_file_that_was_there_before_stays_as_it_was(small_disk):
    make_many_books(BOOKS)
    path = small_disk / "books.csv.gz"
    path.write_bytes(b"of yesterday")
    export_in_vain("--output", str(path))
    assert path.read_bytes() == b"of yesterday"
    assert names_in(small_disk) == ["books.csv.gz"]


@every_format
@every_destination
def test_a_disk_that_tells_at_the_very_end_is_believed(
    tmp_path, export_directory, monkeypatch, file_format, destination
):
    def refuse(descriptor):  # as NFS does
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(writing.os, "fsync", refuse)
    make_many_books(2)
    export_directory.mkdir()
    said = export_in_vain(*words_for(file_format, destination, export_directory))
    assert said.endswith("cannot be written: Disk quota exceeded.")
    assert_nothing_is_left(export_directory)


@every_destination
def test_a_directory_that_goes_away_in_mid_file_is_said(tmp_path, settings, monkeypatch, destination):
    directory = tmp_path / "away"
    directory.mkdir()
    store_in(directory, settings)
    write = writing.write

    def write_and_lose_the_directory(*arguments, **keywords):
        written = write(*arguments, **keywords)
        shutil.rmtree(directory)
        return written

    for module in ("files.storing", "commands"):
        monkeypatch.setattr(f"brokerless.exports.{module}.write", write_and_lose_the_directory)
    make_many_books(2)
    said = export_in_vain(*words_for("csv", destination, directory))
    assert said.endswith("cannot be written: No such file or directory.")
    assert_nothing_is_left(directory)


@every_format
def test_a_full_disk_for_temporary_files_is_said(small_disk, settings, monkeypatch, file_format):
    settings.STORAGES = settings.STORAGES | {
        "exports": {"BACKEND": "django.core.files.storage.InMemoryStorage", "OPTIONS": {}}
    }
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    make_many_books(BOOKS)
    said = export_in_vain("--format", file_format)
    assert said.startswith("A temporary file cannot be written: No space left on device.")
    assert_nothing_is_left(small_disk)


class AwayStorage(InMemoryStorage):
    """A storage elsewhere that is cut off while it takes a file."""

    def _save(self, name, content):
        if not name.startswith("."):
            content.read(10)
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        return super()._save(name, content)

    def delete(self, name):
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


@every_format
def test_a_storage_that_is_cut_off_is_said_and_what_it_has_is_not_forgotten(settings, file_format):
    settings.STORAGES = settings.STORAGES | {"exports": {"BACKEND": f"{__name__}.AwayStorage"}}
    make_many_books(2)
    said = export_in_vain("--format", file_format)
    assert said == "The storage cannot be written to: Connection reset by peer."
    assert not ExportFile.objects.get().is_ready
