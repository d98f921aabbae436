"""What the watcher reads: of each row so much that a change is seen, and whole rows where they are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Case, F, Q, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.notices import UNFINISHED_LIMIT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from uuid import UUID

    from brokerless.models import TaskStateQuerySet

# So long after its end a task is still one of those of which its owner is told.
RECENTLY = timedelta(minutes=2)
# So many of an owner's are looked at, as by the feed: what has a process first, and then the newest.
OWNER_LIMIT = UNFINISHED_LIMIT
CHUNK = 500  # parameters of a query; SQLite takes 999 at least
FIELDS = (
    *("pk", "owner_id", "version", "status", "cancel_requested_at"),
    *("finished_at", "progress_current", "progress_total", "notices_count"),
)
# What no look at a process needs, and what may be large.
LARGE = ("arguments", "options", "context", "result", "error_detail", "errors", "notices")


class Brief(NamedTuple):
    """What of a row tells whether it has changed: at all, in a list's row, for its owner's notices."""

    task_id: UUID
    owner_id: Any
    version: int
    is_finished: bool
    is_active: bool
    is_recent: bool  # one of those of which the owner is told
    row: tuple[Any, ...]
    notices: tuple[Any, ...]


def read_briefs(task_ids: Collection[UUID], owner_ids: Collection[Any]) -> list[Brief]:
    """Read these rows, and of these owners some that are unfinished or have just ended; a query for each kind."""
    since = timezone.now() - RECENTLY
    queries = [TaskState.objects.filter(pk__in=ids) for ids in _chunks(task_ids)]
    queries += [_of_owners(owners, since) for owners in _chunks(owner_ids)]
    rows = (row for query in queries for row in query.order_by().values(*FIELDS))
    return list({row["pk"]: _brief(row, since) for row in rows}.values())


def read_tasks(task_ids: Collection[UUID]) -> dict[UUID, TaskState]:
    """Read whole rows."""
    return {task.pk: task for ids in _chunks(task_ids) for task in TaskState.objects.filter(pk__in=ids).order_by()}


def read_unfinished(task_ids: Collection[UUID]) -> list[TaskState]:
    """Read those of these that are unfinished, without what may be large."""
    found = TaskState.objects.unfinished().defer(*LARGE).order_by()
    return [task for ids in _chunks(task_ids) for task in found.filter(pk__in=ids)]


def _of_owners(owner_ids: Collection[Any], since: datetime) -> TaskStateQuerySet:
    lately = Q(finished_at=None) | Q(finished_at__gt=since)
    is_waiting = Case(When(status__in=TaskState.ACTIVE, then=Value(0)), default=Value(1))
    place = Window(RowNumber(), partition_by="owner_id", order_by=(is_waiting, F("created_at").desc(), "pk"))
    found = TaskState.objects.filter(lately, owner_id__in=owner_ids)
    return found.annotate(place=place).filter(place__lte=OWNER_LIMIT)


def _brief(row: dict[str, Any], since: datetime) -> Brief:
    done, total, finished_at = row["progress_current"], row["progress_total"], row["finished_at"]
    shown = (row["status"], row["cancel_requested_at"] is not None)
    return Brief(
        task_id=row["pk"],
        owner_id=row["owner_id"],
        version=row["version"],
        is_finished=row["status"] in TaskState.FINISHED,
        is_active=row["status"] in TaskState.ACTIVE,
        is_recent=finished_at is None or finished_at > since,
        row=(*shown, min(100, 100 * done // total) if done is not None and total else None),
        notices=(*shown, row["notices_count"]),
    )


def _chunks(keys: Collection[Any]) -> Iterator[list[Any]]:
    found = list(keys)
    return (found[start : start + CHUNK] for start in range(0, len(found), CHUNK))
