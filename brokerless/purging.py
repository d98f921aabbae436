"""Purging: finished tasks of long ago are removed with their files, and what belongs to no task any more."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.db.models.functions import Now

from brokerless import inline, sweep_day
from brokerless.conf import settings
from brokerless.deleting import deletable, delete
from brokerless.hosts import forget_long_gone
from brokerless.models import Host, TaskState
from brokerless.pausing import is_paused
from brokerless.sweeping import Removed, opened_runtime_directory, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from brokerless.models import TaskStateQuerySet
    from brokerless.sweeping import RuntimeDirectory

logger = logging.getLogger("brokerless")

ONE_DAY = timedelta(days=1)
LONGEST_AGE = 36_525  # days, a hundred years: no date lies before the calendar's first
# Of the purge that no one asked for, each day. What is left over waits for the next task that ends.
LONGEST_GO = 5.0  # seconds
# SQLite's lock for writing is held for one batch: beats and claims wait for it.
FIRST_BATCH = 50  # tasks
LARGEST_BATCH = 100
SMALLEST_BATCH = 10
LONGEST_BATCH = 0.05  # seconds, beyond which the next is smaller
KEYS_AT_ONCE = 5000  # that one query selects; it holds no lock
_further_steps: list[Callable[..., None]] = []


def also(step: Callable[..., None]) -> None:
    """Have every purge of rows do a further step behind its own: what an app on top of this one has to remove.

    It is called with the report to add to, and `older_than`, `deadline` (of the monotonic clock, or None) and
    `is_dry_run`. What it raises is said in the report, and keeps nothing else from being purged.
    """
    if step not in _further_steps:
        _further_steps.append(step)


def purge(
    *,
    older_than: timedelta,
    is_dry_run: bool = False,
    seconds: float | None = None,
    has_rows: bool = True,
    is_sweeping: bool = True,
) -> Removed:
    """Remove the tasks that ended longer ago than that, with their files; then sweep the runtime directory.

    Never an unfinished task, and none to which a row of another app refers that would go with it, or prevent it.
    A task whose directory lies here and cannot be removed stays, too. Safe at any time, on all hosts at once.
    seconds: begin nothing more after so long. has_rows, is_sweeping: do the one, and the other.

    Raises RuntimeDirError when the runtime directory is not this user's, and django.db.Error.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    removed = Removed()
    with opened_runtime_directory(is_dry_run=is_dry_run) as directory:
        try:
            if has_rows:
                _Rows(older_than, directory, removed, deadline=deadline, is_dry_run=is_dry_run).remove()
        finally:
            # Also when no row could be deleted: on a full disk this makes the room for it.
            if is_sweeping and directory is not None and removed.is_complete:
                sweep(directory, removed, deadline=deadline)
            if directory is not None:
                removed.left = directory.left
    if has_rows and removed.is_complete:
        _take_further_steps(removed, older_than=older_than, deadline=deadline, is_dry_run=is_dry_run)
    if has_rows and removed.is_complete and not is_dry_run:
        forget_long_gone(may_go_on=lambda: deadline is None or time.monotonic() < deadline)
    return removed


def _take_further_steps(removed: Removed, **keywords: Any) -> None:
    for step in _further_steps:
        try:
            step(removed, **keywords)
        except Exception as error:
            logger.exception("A further step of the purge failed; it is taken again with the next.")
            removed.left.append(f"{step.__module__}: {error or type(error).__name__}")


def purge_daily() -> Removed | None:
    """Purge as the settings say what nobody has in the last day, in a few seconds; None if there is no such thing.

    Rows once a day for all hosts, as each container is a host of its own and they may come by the minute; the
    runtime directory once a day for all hosts that share it.

    For a process that nobody waits for. Not while tasks are paused: a deploy may be under way. Not from a test's
    database. An error is logged.
    """
    try:
        if not is_due():
            return None
        has_rows, is_sweeping = _claim_the_rows(), sweep_day.claim()
        if not (has_rows or is_sweeping):
            return None
        removed = purge(
            older_than=timedelta(days=settings.PURGE_AFTER),
            seconds=LONGEST_GO,
            has_rows=has_rows,
            is_sweeping=is_sweeping,
        )
        if not removed.is_complete:
            Host.objects.filter(name=Host.EVERYWHERE).update(purged_at=None)
            if is_sweeping:
                sweep_day.give_back()
    except Exception:
        logger.exception("Old tasks were not purged; that is tried again tomorrow.")
        return None
    for sentence in removed.left:
        logger.warning("Not purged: %s", sentence)
    return removed


def is_due() -> bool:
    """Tell whether rows or the runtime directory were not purged in the last day, though the settings want it."""
    if settings.PURGE_AFTER is None or inline.is_bare_test_run():
        return False
    everywhere = Host.objects.filter(name=Host.EVERYWHERE, purged_at__gt=Now() - ONE_DAY)
    return (sweep_day.is_due() or not everywhere.exists()) and not is_paused()


def _claim_the_rows() -> bool:
    """Take on the rows' purge of the day: of all processes of all hosts one does."""
    Host.objects.get_or_create(name=Host.EVERYWHERE)
    due = Host.objects.filter(Q(purged_at=None) | Q(purged_at__lte=Now() - ONE_DAY), name=Host.EVERYWHERE)
    return due.update(purged_at=Now()) == 1


class _Rows:
    """The removal of rows, oldest first, each batch in a short transaction of its own."""

    def __init__(
        self,
        older_than: timedelta,
        directory: RuntimeDirectory | None,
        removed: Removed,
        *,
        deadline: float | None,
        is_dry_run: bool,
    ) -> None:
        self._old = old_tasks(older_than)
        self._directory = directory
        self._removed = removed
        self._deadline = deadline
        self._is_dry_run = is_dry_run
        self._size = FIRST_BATCH

    def remove(self) -> None:
        last = None
        while found := list(self._behind(last)[:KEYS_AT_ONCE]):
            last = found[-1]
            keys = [pk for pk, _ in found]
            while keys and self._removed.is_complete:
                batch, keys = keys[: self._size], keys[self._size :]
                self._remove_batch(batch)
            if not self._removed.is_complete:
                return

    def _remove_batch(self, keys: list[UUID]) -> None:
        # First the files: a full disk has room for the deletion then, and a crash leaves none behind.
        bare = [pk for pk in keys if self._remove_files(pk)]
        began = time.monotonic()
        self._removed.tasks += len(bare) if self._is_dry_run else delete(bare)
        took = time.monotonic() - began
        is_slow = took > LONGEST_BATCH
        self._size = max(SMALLEST_BATCH, self._size // 2) if is_slow else min(LARGEST_BATCH, self._size * 2)
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._removed.is_complete = False
        elif not self._is_dry_run:
            # SQLite lets nobody in by turn: whoever waits for the lock needs a moment at which it is free.
            time.sleep(took)

    def _behind(self, last: tuple[UUID, datetime] | None) -> QuerySet:
        found = self._old
        if last is not None:
            pk, created_at = last
            # The first condition follows from the others, and is the one that an index answers.
            found = found.filter(created_at__gte=created_at).filter(Q(created_at__gt=created_at) | Q(pk__gt=pk))
        return found.order_by("created_at", "pk").values_list("pk", "created_at")

    def _remove_files(self, pk: UUID) -> bool:
        """Remove a task's directory, if it lies here; tell whether nothing of it is left."""
        freed = self._directory.remove(str(pk)) if self._directory is not None else 0
        self._removed.bytes += freed or 0
        return freed is not None


def old_tasks(older_than: timedelta) -> TaskStateQuerySet:
    """Select the finished tasks that ended longer ago than that and that nothing holds."""
    before = Now() - older_than
    # No task ends before it is made; of two clocks one may be late. This is the index's condition.
    made = Q(created_at__lt=before + ONE_DAY)
    return deletable(TaskState.objects.filter(made, finished_at__lt=before))
