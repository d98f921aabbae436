"""Whose the storage is: the stamp of a database, which no other has, and what is older than it."""

from __future__ import annotations

import os
import uuid
from datetime import timedelta

import pytest
from django.core.files.storage import FileSystemStorage

from brokerless import inline
from brokerless.exports.files import ownership, retention
from brokerless.exports.models import DatabaseIdentity, ExportFile
from brokerless.sweeping import Removed
from tests.exporting.reading import names_in
from tests.exporting.sharing import ago

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_storage(monkeypatch):
    """Have the storage be that of the test's database, as a site's is that of the site's."""
    monkeypatch.setattr(inline, "is_test_run", lambda: False)


def put_stamp() -> None:
    ownership.put_stamp(ExportFile().storage)


def grow_old(path, **age) -> None:
    moment = ago(**age).timestamp()
    os.utime(path, (moment, moment))


def lose_file(directory, **age) -> str:
    """Leave a file of no record, and return its name."""
    directory.mkdir(exist_ok=True)
    path = directory / f"{uuid.uuid4()}.csv.gz"
    path.write_bytes(b"12345")
    grow_old(path, **age)
    return path.name


def purge() -> Removed:
    removed = Removed()
    retention.purge(removed, older_than=timedelta(days=30), deadline=None, is_dry_run=False)
    return removed


def test_two_processes_that_stamp_at_once_leave_one_stamp(export_directory, monkeypatch):
    real = FileSystemStorage.save

    def be_slow(self, name, content, **keywords):
        monkeypatch.setattr(FileSystemStorage, "save", real)
        put_stamp()  # another process, between this one's exists() and save()
        return real(self, name, content, **keywords)

    monkeypatch.setattr(FileSystemStorage, "save", be_slow)
    put_stamp()
    assert names_in(export_directory) == [ownership.stamp_name()]


def test_a_second_stamp_of_its_own_is_no_other_database_s(export_directory):
    """As after a crash between the saving and the removing of it."""
    put_stamp()
    grow_old(export_directory / ownership.stamp_name(), days=9)
    (export_directory / f"{ownership.stamp_name()}_x7Yz12A").write_bytes(b"")
    lost = lose_file(export_directory, days=2)
    assert purge().left == []
    assert lost not in names_in(export_directory)


def test_two_databases_with_the_same_settings_have_stamps_of_their_own():
    """As two sites have whose servers are both called `db`."""
    first = ownership.stamp_name()
    assert ownership.stamp_name() == first
    DatabaseIdentity.objects.all().delete()  # as in another database
    assert ownership.stamp_name() != first


def test_a_copy_of_a_database_in_another_place_has_a_stamp_of_its_own(monkeypatch):
    first = ownership.stamp_name()
    monkeypatch.setattr(ownership, "identity", lambda: "of another server")
    assert ownership.stamp_name() != first


def test_files_that_were_there_before_the_stamp_stay_with_all_others(export_directory):
    put_stamp()
    grow_old(export_directory / ownership.stamp_name(), days=5)
    newer, older = lose_file(export_directory, days=2), lose_file(export_directory, days=6)
    (said,) = purge().left
    assert "2 of no record: 1 of them are older than the first file that this database stored" in said
    assert older in said
    assert {newer, older} <= set(names_in(export_directory))
    (export_directory / older).unlink()
    assert purge().others == ["1 export file of no record"]
    assert newer not in names_in(export_directory)


def test_a_storage_that_cannot_be_stamped_is_said_in_the_log_and_stores(export_directory, caplog):
    export_directory.write_text("in the way")
    put_stamp()
    assert "was not stamped" in caplog.text
