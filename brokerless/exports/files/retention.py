"""Removing files whose time is over, records of long ago, and what nobody knows any more."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from brokerless.exports.conf import settings
from brokerless.exports.files.orphans import remove_orphans
from brokerless.exports.files.removal import LEAST_AGE, Sweep, Swept
from brokerless.exports.models import ExportFile
from brokerless.models import TaskState

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from brokerless.sweeping import Removed

logger = logging.getLogger("brokerless.exports")

# Before a new export: what is left over is removed by the next one, or by the purge of the day.
LONGEST_GO = 2.0  # seconds
# Of a run that is not recorded: nobody knows whether it still runs.
LONGEST_RUN = timedelta(days=7)


def make_room(seconds: float = LONGEST_GO) -> None:
    """Remove what has expired before something new is made. An error is logged: it is none of the new one."""
    try:
        remove_expired(deadline=time.monotonic() + seconds)
    except Exception:
        logger.exception("Expired files were not removed; that is tried again with the next.")


def remove_expired(*, deadline: float | None = None, is_dry_run: bool = False) -> Swept:
    """Remove the files whose time is over, the oldest first; their records stay, and say when."""
    sweep = Sweep(deadline=deadline, is_dry_run=is_dry_run)
    _remove_expired(sweep)
    return sweep.swept


def purge(removed: Removed, *, older_than: timedelta, deadline: float | None, is_dry_run: bool) -> None:
    """Remove what is over as a part of the purge of tasks, and say what in its report.

    Files whose time is over; records of files that were removed longer ago than that; what a process that was
    killed left, if it is older than a day: records of files that never became ready (of a run that is not recorded
    after a week, as it may still run), and files of no record.
    """
    sweep = Sweep(deadline=deadline, is_dry_run=is_dry_run)
    for step in (_give_an_end, _remove_expired, _remove_unready, remove_orphans):
        if sweep.may_go_on():
            step(sweep)
    if sweep.may_go_on():
        _remove_records(sweep, older_than)
    removed.bytes += sweep.swept.bytes
    removed.left += [f"Export files: {sentence}" for sentence in sweep.swept.left]
    removed.others += _words(sweep.swept)


def _give_an_end(sweep: Sweep) -> None:
    """Have files from before there was an end be kept as long as new ones, from now on."""
    if not sweep.is_dry_run:
        end = timezone.now() + timedelta(days=settings.KEEP_DAYS)
        ExportFile.objects.stored().filter(expires_at=None).update(expires_at=end)


def _remove_expired(sweep: Sweep) -> None:
    """Remove the file first, and write so afterwards: a crash in between is made up for by the next round.

    The other way round the file would stay for ever, as its record says that it is gone. Nobody can have it
    meanwhile: what has expired is not given out, whether or not it is still there.
    """
    for record in sweep.each(ExportFile.objects.expired()):
        if not sweep.remove_file(record.storage, record.storage_name):
            continue
        if not sweep.is_dry_run:
            ExportFile.objects.filter(pk=record.pk, removed_at=None).update(removed_at=timezone.now())
        sweep.swept.files += 1
        sweep.swept.bytes += record.bytes or 0


def _remove_unready(sweep: Sweep) -> None:
    now = timezone.now()
    has_ended = Q(task__status__in=TaskState.FINISHED, task__finished_at__lt=now - LEAST_AGE)
    is_old = Q(task=None, created_at__lt=now - LONGEST_RUN)
    unready = ExportFile.objects.filter(has_ended | is_old, ready_at=None, created_at__lt=now - LEAST_AGE)
    for record in sweep.each(unready):
        if sweep.remove_file(record.storage, record.storage_name):
            sweep.swept.records += 1 if sweep.is_dry_run else _delete(ExportFile.objects.filter(pk=record.pk))


def _remove_records(sweep: Sweep, older_than: timedelta) -> None:
    old = ExportFile.objects.filter(removed_at__lt=timezone.now() - older_than)
    if sweep.is_dry_run:
        sweep.swept.records += old.count()
        return
    for record in sweep.each(old):
        sweep.swept.records += _delete(ExportFile.objects.filter(pk=record.pk))


def _delete(records: QuerySet) -> int:
    return records.delete()[1].get(ExportFile._meta.label, 0)  # noqa: SLF001 - Django's documented interface


def _words(swept: Swept) -> list[str]:
    counts = (
        (swept.files, "expired export file", "expired export files"),
        (swept.orphans, "export file of no record", "export files of no record"),
        (swept.records, "record of an export file", "records of export files"),
    )
    return [f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count]
