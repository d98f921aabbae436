"""Files whose time is over are removed, and what a crash left; nothing else is."""

from __future__ import annotations

import os
import time
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.core.management import call_command
from django.utils import timezone

from brokerless import inline, purging
from brokerless.exports.files import ownership, retention
from brokerless.exports.files.removal import MOST_FAILURES
from brokerless.exports.files.request import Request
from brokerless.exports.files.storing import store
from brokerless.exports.models import Delivery, ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.writing import Export
from brokerless.models import TaskState
from brokerless.sweeping import Removed
from library.models import Book
from tests.exporting.reading import names_in
from tests.exporting.sharing import ago, make_delivery, make_stored_file

pytestmark = pytest.mark.django_db(transaction=True)

MONTH = timedelta(days=30)


@pytest.fixture(autouse=True)
def _own_storage(monkeypatch):
    """Have the storage be that of the test's database, as a site's is that of the site's."""
    monkeypatch.setattr(inline, "is_test_run", lambda: False)


@pytest.fixture
def stamped(export_directory):
    """Have this database have stored something for long."""
    ownership.put_stamp(ExportFile().storage)
    grow_old(export_directory, ownership.stamp_name(), days=30)
    return export_directory


@pytest.fixture
def broken_storage(settings):
    """Have the storage be one that can do nothing any more."""

    def use(directory):
        kind = f"{BrokenStorage.__module__}.{BrokenStorage.__qualname__}"
        options = {"location": directory}
        settings.STORAGES = settings.STORAGES | {"exports": {"BACKEND": kind, "OPTIONS": options}}

    return use


class BrokenStorage(FileSystemStorage):
    """A storage whose library has errors of its own."""

    tries = 0

    def delete(self, name):
        type(self).tries += 1
        raise RuntimeError("the bucket cannot be reached")


def purge(**keywords) -> Removed:
    removed = Removed()
    usual = {"older_than": MONTH, "deadline": None, "is_dry_run": False}
    retention.purge(removed, **usual | keywords)
    return removed


def grow_old(directory, *names, days=2.0):
    moment = time.time() - days * 86_400
    for name in names:
        os.utime(directory / name, (moment, moment))


def put_file(directory, name, *, days=2.0):
    directory.mkdir(exist_ok=True)
    (directory / name).write_bytes(b"12345")
    grow_old(directory, name, days=days)
    return name


def make_task(**values) -> TaskState:
    return TaskState.objects.create(**{"command": "export_books"} | values)


def test_what_has_expired_is_removed_and_its_record_says_when(export_directory):
    over, kept = make_stored_file(expires_at=ago(seconds=1)), make_stored_file()
    swept = retention.remove_expired()
    assert (swept.files, swept.bytes, swept.left) == (1, over.bytes, [])
    assert names_in(export_directory) == [kept.storage_name]
    over.refresh_from_db()
    kept.refresh_from_db()
    assert (over.is_expired, over.rows) == (True, 1)
    assert timezone.now() - over.removed_at < timedelta(minutes=1)
    assert (kept.is_expired, kept.removed_at) == (False, None)


def test_a_file_that_is_gone_already_is_marked_all_the_same():
    """As it is after a crash between both steps, and when two remove at once."""
    over = make_stored_file(expires_at=ago(seconds=1))
    over.storage.delete(over.storage_name)
    assert retention.remove_expired().left == []
    over.refresh_from_db()
    assert over.removed_at is not None
    assert retention.remove_expired().files == 0


def test_a_file_that_cannot_be_removed_is_not_said_to_be(broken_storage, export_directory):
    over = make_stored_file(expires_at=ago(seconds=1))
    broken_storage(export_directory)
    swept = retention.remove_expired()
    assert swept.files == 0
    assert swept.left == [f"{over.storage_name}: the bucket cannot be reached"]
    over.refresh_from_db()
    assert over.removed_at is None
    assert ExportFile.objects.expired().get() == over


def test_a_storage_that_is_away_is_not_asked_for_every_file(broken_storage, export_directory, monkeypatch):
    for _ in range(MOST_FAILURES + 2):
        make_stored_file(expires_at=ago(seconds=1))
    broken_storage(export_directory)
    monkeypatch.setattr(BrokenStorage, "tries", 0)
    assert len(retention.remove_expired().left) == MOST_FAILURES
    assert BrokenStorage.tries == MOST_FAILURES


def test_when_the_time_is_up_the_rest_is_left_to_the_next(export_directory):
    make_stored_file(expires_at=ago(seconds=1))
    assert retention.remove_expired(deadline=time.monotonic() - 1).files == 0
    assert len(names_in(export_directory)) == 1
    assert retention.remove_expired(deadline=time.monotonic() + 60).files == 1


def test_a_new_export_makes_room_first_and_a_failure_of_that_is_none_of_it(export_directory, monkeypatch):
    exporter = get_exporter("books")
    export = Export(Book.objects.order_by("pk"), exporter.get_columns(), unit="books")
    over = make_stored_file(expires_at=ago(seconds=1))
    record = store(Request(exporter, {}), export)
    assert over.storage_name not in names_in(export_directory)
    assert record.storage_name in names_in(export_directory)

    def fail(**_):
        raise RuntimeError("the bucket cannot be reached")

    monkeypatch.setattr(retention, "remove_expired", fail)
    assert store(Request(exporter, {}), export).is_ready


def test_a_new_file_is_kept_as_long_as_the_settings_say(settings):
    settings.EXPORTS = settings.EXPORTS | {"KEEP_DAYS": 0.5}
    exporter = get_exporter("books")
    record = store(Request(exporter, {}), Export(Book.objects.all(), exporter.get_columns(), unit="books"))
    assert record.expires_at - record.ready_at == timedelta(hours=12)
    assert not record.is_expired


def test_a_purge_removes_records_of_files_that_were_removed_long_ago():
    old = make_delivery(removed_at=ago(days=31)).file
    recent = make_stored_file(removed_at=ago(days=29))
    kept = make_stored_file(created_at=ago(days=400))
    assert purge().others == ["1 record of an export file"]
    assert set(ExportFile.objects.all()) == {recent, kept}
    assert not ExportFile.objects.filter(pk=old.pk).exists()
    assert not Delivery.objects.exists()


def test_files_from_before_there_was_an_end_are_kept_as_long_as_new_ones(export_directory):
    record = make_stored_file(expires_at=None, ready_at=ago(days=400))
    assert purge().others == []
    record.refresh_from_db()
    assert timedelta(days=6) < record.expires_at - timezone.now() < timedelta(days=8)
    assert names_in(export_directory) == [record.storage_name]


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_a_record_that_its_dead_task_left_unready_goes_after_a_day_with_what_was_written(status, stamped):
    task = make_task(status=status, finished_at=ago(days=2))
    make_stored_file(ready_at=None, task=task, created_at=ago(days=3))
    assert purge().others == ["1 record of an export file"]
    assert not ExportFile.objects.exists()
    assert names_in(stamped) == [ownership.stamp_name()]


@pytest.mark.parametrize(
    "task",
    [
        {"status": "RUNNING"},
        {"status": "READY"},
        {"status": "FAILED", "finished_at": ago(hours=1)},
        {"status": "LOST", "finished_at": ago(hours=1)},
    ],
)
def test_a_record_that_may_still_become_ready_stays(task):
    make_stored_file(ready_at=None, task=make_task(**task), created_at=ago(days=3))
    make_stored_file(ready_at=None, created_at=ago(hours=1))
    assert purge().others == []
    assert ExportFile.objects.count() == 2


def test_a_run_by_hand_may_take_longer_than_a_day():
    record = make_stored_file(ready_at=None, created_at=ago(days=6))
    assert purge().others == []
    record.complete(rows=1, size=1, sha256="")


def test_a_record_that_a_run_by_hand_left_unready_goes_after_a_week():
    make_stored_file(ready_at=None, created_at=ago(days=8))
    assert purge().others == ["1 record of an export file"]
    assert not ExportFile.objects.exists()


def test_files_of_no_record_go_after_a_day(stamped):
    lost = put_file(stamped, f"{uuid.uuid4()}.csv.gz")
    half = put_file(stamped, f".{uuid.uuid4()}.csv.gz.4711-0a1b2c3d.partial")
    removed = make_stored_file(removed_at=ago(days=1)).storage_name
    grow_old(stamped, removed)
    found = purge()
    assert found.others == ["3 export files of no record"]
    assert found.bytes > 0
    assert not {lost, half, removed} & set(names_in(stamped))


def test_what_may_be_somebody_s_stays(stamped):
    kept = [
        make_stored_file().storage_name,
        put_file(stamped, f"{uuid.uuid4()}.csv.gz", days=0.5),
        put_file(stamped, "books.csv.gz"),
        put_file(stamped, f"{uuid.uuid4()}"),
        put_file(stamped, f"{uuid.uuid4()}.csv.gz.bak"),
        put_file(stamped, f"copy-{uuid.uuid4()}.csv.gz"),
    ]
    # Written just now, before its record says that it is ready.
    unready = make_stored_file(ready_at=None)
    grow_old(stamped, kept[0], unready.storage_name)
    found = purge()
    assert (found.others, found.left) == ([], [])
    assert set(names_in(stamped)) == {*kept, unready.storage_name, ownership.stamp_name()}


def test_files_of_no_record_stay_where_another_database_stores_too(stamped):
    lost = put_file(stamped, f"{uuid.uuid4()}.csv.gz")
    put_file(stamped, f"{ownership.PREFIX}0123456789abcdef")
    found = purge()
    assert found.others == []
    assert "1 of no record: another database" in found.left[0]
    assert f"remove {ownership.PREFIX}0123456789abcdef" in found.left[0]
    assert lost in names_in(stamped)


def test_files_of_no_record_stay_until_it_is_known_whose_they_are(export_directory):
    lost = put_file(export_directory, f"{uuid.uuid4()}.csv.gz")
    assert "nothing in the storage says whose the files are" in purge().left[0]
    assert names_in(export_directory) == [lost]


def test_a_test_s_database_leaves_the_site_s_files_alone(stamped, monkeypatch):
    lost = put_file(stamped, f"{uuid.uuid4()}.csv.gz")
    monkeypatch.setattr(inline, "is_test_run", lambda: True)
    assert "a test's database" in purge().left[0]
    assert lost in names_in(stamped)


def test_a_test_s_database_does_not_stamp_the_site_s_storage(export_directory, monkeypatch):
    monkeypatch.setattr(inline, "is_test_run", lambda: True)
    ownership.put_stamp(ExportFile().storage)
    assert names_in(export_directory) == []


def test_what_is_stored_is_stamped_once(export_directory):
    exporter = get_exporter("books")
    export = Export(Book.objects.all(), exporter.get_columns(), unit="books")
    names = [store(Request(exporter, {}), export).storage_name for _ in range(2)]
    assert set(names_in(export_directory)) == {*names, ownership.stamp_name()}


def test_a_storage_elsewhere_is_swept_too(settings):
    kind = f"{InMemoryStorage.__module__}.{InMemoryStorage.__qualname__}"
    settings.STORAGES = settings.STORAGES | {"exports": {"BACKEND": kind}}
    over = make_stored_file(expires_at=ago(seconds=1))
    assert purge().others == ["1 expired export file"]
    assert not over.storage.exists(over.storage_name)


def test_a_dry_run_counts_and_removes_nothing(stamped):
    make_stored_file(expires_at=ago(seconds=1))
    make_stored_file(ready_at=None, created_at=ago(days=8))
    old = make_stored_file(removed_at=ago(days=31))
    old.storage.delete(old.storage_name)
    put_file(stamped, f"{uuid.uuid4()}.csv.gz")
    before = names_in(stamped), list(ExportFile.objects.order_by("pk").values())
    assert purge(is_dry_run=True).others == [
        "1 expired export file",
        "1 export file of no record",
        "2 records of export files",
    ]
    assert (names_in(stamped), list(ExportFile.objects.order_by("pk").values())) == before


def test_the_purge_of_tasks_does_it_and_says_so(export_directory):
    make_stored_file(expires_at=ago(seconds=1))
    out = StringIO()
    call_command("tasks", "purge", stdout=out)
    assert out.getvalue().startswith("Purged 1 expired export file: ")
    assert names_in(export_directory) == []


def test_the_purge_of_the_day_does_it(export_directory):
    make_stored_file(expires_at=ago(seconds=1))
    assert purging.purge_daily().others == ["1 expired export file"]
    assert names_in(export_directory) == []


def test_a_further_step_that_fails_keeps_nothing_else_from_being_purged(monkeypatch, export_directory, caplog):
    def fail(removed, **_):
        raise RuntimeError("no")

    monkeypatch.setattr(purging, "_further_steps", [fail, retention.purge])
    make_task(status="FAILED", created_at=ago(days=90), finished_at=ago(days=90))
    make_stored_file(expires_at=ago(seconds=1))
    removed = purging.purge(older_than=MONTH)
    assert (removed.tasks, removed.others) == (1, ["1 expired export file"])
    assert removed.left == [f"{__name__}: no"]
    assert "further step" in caplog.text
