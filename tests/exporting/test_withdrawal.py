"""Files of deleted tasks are taken back while retries make them their own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from brokerless.exports.files import earlier, links, withdrawal
from brokerless.exports.files.earlier import found_before
from brokerless.exports.models import ExportFile
from brokerless.models import TaskState
from tests.at_once import at_once
from tests.exporting.test_earlier import request_for_books, store_books


@pytest.fixture
def failed(in_task):
    """Make a task that failed after it had made a file, and be its retry; return it with the file."""
    first = in_task()
    record = store_books()
    TaskState.objects.filter(pk=first.id).update(status="FAILED")
    again = in_task()
    TaskState.objects.filter(pk=again.id).update(retry_of=first.id)
    return first, record, again


@pytest.fixture
def before_it_is_taken(monkeypatch):
    """Have something happen after a retry has found the file, and before the file is its own."""
    is_there = earlier._is_there

    def put(happening):
        monkeypatch.setattr(earlier, "_is_there", lambda record: (happening(), is_there(record))[1])

    return put


def test_the_file_of_a_task_that_failed_becomes_its_retry_s(failed):
    first, record, again = failed
    assert found_before(request_for_books()) == record
    record.refresh_from_db()
    assert (record.task_id, record.lease) == (again.id, again.lease)
    # It outlives the one that made it, and goes with the one whose it is.
    assert withdrawal.take_back(task__in=[first.id]) == set()
    assert withdrawal.take_back(task__in=[again.id]) == {record.pk}


def test_a_file_that_another_retry_has_taken_meanwhile_is_not_taken(failed, before_it_is_taken):
    _, record, _ = failed
    other = TaskState.objects.create(command="export_books")
    before_it_is_taken(lambda: ExportFile.objects.update(task=other, lease=1))
    assert found_before(request_for_books()) is None
    record.refresh_from_db()
    assert record.task == other


def test_a_file_that_was_taken_back_meanwhile_is_not_taken(failed, before_it_is_taken):
    first, record, _ = failed
    before_it_is_taken(lambda: withdrawal.take_back(task__in=[first.id]))
    assert found_before(request_for_books()) is None
    record.refresh_from_db()
    assert record.task_id == first.id


def test_a_file_is_over_by_a_clock_that_is_late_too(failed, monkeypatch):
    first, record, _ = failed
    now = timezone.now()
    assert withdrawal.take_back(task__in=[first.id]) == {record.pk}
    monkeypatch.setattr("brokerless.exports.models.timezone.now", lambda: now - timedelta(seconds=30))
    assert not ExportFile.objects.fetchable().exists()


@pytest.mark.parametrize("database", ["usual", "postgres"])
def test_a_file_that_is_taken_back_becomes_nobody_s_own_while_it_is(
    transactional_db, request, database, monkeypatch
):
    """Else the retry would have a file that is over in the next moment."""
    if database == "postgres":
        request.getfixturevalue("postgres")
    first, record, again = request.getfixturevalue("failed")
    revoke, taken = links.revoke, []

    def take(_):
        with connection.cursor() as cursor:
            waits = "SET lock_timeout = 100" if connection.vendor == "postgresql" else "PRAGMA busy_timeout = 100"
            cursor.execute(waits)
        try:
            return ExportFile.objects.fetchable().filter(task_id=first.id).update(task_id=again.id)
        except OperationalError:
            return 0

    def overtaken(**which):
        # After the files were chosen, before they are over.
        taken.extend(at_once(1, take))
        return revoke(**which)

    monkeypatch.setattr(links, "revoke", overtaken)
    assert withdrawal.take_back(task__in=[first.id]) == {record.pk}
    assert taken == [0]
    record.refresh_from_db()
    assert (record.is_expired, record.task_id) == (True, first.id)
    connections.close_all()
