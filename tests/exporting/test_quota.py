"""The quota: checked before work starts, and kept to while a file is written."""

from __future__ import annotations

import io

import pytest

from brokerless.exports.exceptions import OutputError
from brokerless.exports.files import quota
from brokerless.exports.files.request import Request
from brokerless.exports.files.storing import store
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.writing import Export
from library.models import Book
from tests.exporting.making import make_many_books
from tests.exporting.reading import names_in
from tests.exporting.sharing import ago, make_stored_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create(username="ann")


@pytest.fixture
def ben(django_user_model):
    return django_user_model.objects.create(username="ben")


@pytest.fixture
def limits(settings):
    def limit(**values):
        settings.EXPORTS = settings.EXPORTS | {"QUOTA": None, "OWNER_QUOTA": None} | values

    limit()
    return limit


def store_books(owner=None) -> ExportFile:
    exporter = get_exporter("books")
    export = Export(Book.objects.order_by("pk"), exporter.get_columns(), unit="books")
    return store(Request(exporter, {}, owner_id=owner.pk if owner else None), export)


def test_without_limits_there_is_room_for_anything(limits, ann):
    make_stored_file(b"x" * 1000, owner=ann)
    quota.check(ann)
    assert quota.room(ann.pk) is None


def test_the_files_of_all_count_together(limits, ann, ben):
    limits(QUOTA=1000)
    make_stored_file(b"x" * 600, owner=ann)
    assert quota.room(ben.pk) == quota.room(None) == 400
    make_stored_file(b"x" * 400)
    for owner in (ann, ben, None):
        with pytest.raises(quota.QuotaExceeded, match="All export files together"):
            quota.check(owner)


def test_each_owner_has_a_limit_of_their_own(limits, ann, ben):
    limits(OWNER_QUOTA=1000)
    make_stored_file(b"x" * 1000, owner=ann)
    with pytest.raises(quota.QuotaExceeded, match="Your export files take 1000"):
        quota.check(ann)
    quota.check(ben)
    quota.check(None)
    assert quota.room(ben.pk) == 1000
    assert quota.room(None) is None


def test_the_narrower_of_both_limits_holds(limits, ann):
    limits(QUOTA=1000, OWNER_QUOTA=500)
    make_stored_file(b"x" * 100, owner=ann)
    make_stored_file(b"x" * 700)
    assert quota.room(ann.pk) == 200


@pytest.mark.parametrize("values", [{"removed_at": ago(days=1)}, {"ready_at": None, "bytes": None}])
def test_what_takes_no_room_does_not_count(limits, values):
    limits(QUOTA=1000)
    make_stored_file(b"x" * 1000, **values)
    assert quota.room(None) == 1000


def test_on_a_full_quota_what_has_expired_goes_first(limits, export_directory):
    limits(QUOTA=1000)
    old = make_stored_file(b"x" * 600, expires_at=ago(days=1))
    kept = make_stored_file(b"x" * 500)
    assert quota.room(None) == 500
    assert names_in(export_directory) == [kept.storage_name]
    old.refresh_from_db()
    assert old.removed_at is not None


def test_who_asks_for_an_export_does_not_wait_until_expired_files_are_removed(limits, export_directory):
    limits(QUOTA=1000)
    old = make_stored_file(b"x" * 1000, expires_at=ago(days=1))
    quota.check(None)  # as they make room when the file is written
    assert names_in(export_directory) == [old.storage_name]
    make_stored_file(b"x" * 1000)
    with pytest.raises(quota.QuotaExceeded):
        quota.check(None)
    assert old.storage_name in names_in(export_directory)


def test_what_has_expired_is_removed_for_a_while_only(limits, monkeypatch):
    limits(QUOTA=1000)
    for _ in range(3):
        make_stored_file(b"x" * 500, expires_at=ago(days=1))
    monkeypatch.setattr(quota, "LONGEST_REMOVAL", 0.0)
    with pytest.raises(quota.QuotaExceeded):
        quota.room(None)
    assert ExportFile.objects.stored().count() == 3


def test_a_writer_takes_what_there_is_room_for_and_no_byte_more():
    target = io.BytesIO()
    limited = quota.Limited(target, 10)
    assert limited.write(b"x" * 10) == 10
    with pytest.raises(quota.QuotaExceeded, match="larger than what is left"):
        limited.write(b"y")
    assert target.getvalue() == b"x" * 10


def test_a_writer_without_a_limit_takes_all():
    target = io.BytesIO()
    quota.Limited(target, None).write(b"x" * 10_000)
    assert len(target.getvalue()) == 10_000


def test_a_file_that_does_not_fit_leaves_nothing(limits, ann, export_directory):
    make_many_books(2000)
    size = store_books(ann).bytes
    limits(OWNER_QUOTA=2 * size - 1)
    before = names_in(export_directory)
    with pytest.raises(OutputError, match="larger than what is left of the quota"):
        store_books(ann)
    assert names_in(export_directory) == before
    assert ExportFile.objects.count() == 1
    limits(OWNER_QUOTA=2 * size)
    assert store_books(ann).is_ready


def test_on_a_full_quota_nothing_is_begun(limits, export_directory):
    make_stored_file(b"x" * 1000)
    limits(QUOTA=1000)
    with pytest.raises(quota.QuotaExceeded):
        store_books()
    assert ExportFile.objects.count() == 1
