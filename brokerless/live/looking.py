"""What the watcher reads: of each row so much that a change is seen, and whole rows where they are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q
from django.utils import timezone

from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from uuid import UUID

# So long after its end a task is still one of those of which its owner is told.
RECENTLY = timedelta(minutes=2)
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
    is_recent: bool  # one of those of which the owner is told
    row: tuple[Any, ...]
    notices: tuple[Any, ...]


def read_briefs(task_ids: Collection[UUID], owner_ids: Collection[Any]) -> list[Brief]:
    """Read these rows, and of these owners what is unfinished or has just ended; in one query, if not too many."""
    ids, owners = list(task_ids), list(owner_ids)
    since = timezone.now() - RECENTLY
    lately = Q(finished_at=None) | Q(finished_at__gt=since)
    found: dict[UUID, Brief] = {}
    while ids or owners:
        some, ids = ids[:CHUNK], ids[CHUNK:]
        room = CHUNK - len(some)
        some_owners, owners = owners[:room], owners[room:]
        condition = Q(pk__in=some) | Q(owner_id__in=some_owners) & lately
        for row in TaskState.objects.filter(condition).order_by().values(*FIELDS):
            found[row["pk"]] = _brief(row, since)
    return list(found.values())


def read_tasks(task_ids: Collection[UUID]) -> dict[UUID, TaskState]:
    """Read whole rows."""
    return {task.pk: task for ids in _chunks(task_ids) for task in TaskState.objects.filter(pk__in=ids).order_by()}


def read_unfinished(task_ids: Collection[UUID]) -> list[TaskState]:
    """Read those of these that are unfinished, without what may be large."""
    found = TaskState.objects.unfinished().defer(*LARGE).order_by()
    return [task for ids in _chunks(task_ids) for task in found.filter(pk__in=ids)]


def _brief(row: dict[str, Any], since: datetime) -> Brief:
    done, total, finished_at = row["progress_current"], row["progress_total"], row["finished_at"]
    shown = (row["status"], row["cancel_requested_at"] is not None)
    return Brief(
        task_id=row["pk"],
        owner_id=row["owner_id"],
        version=row["version"],
        is_finished=row["status"] in TaskState.FINISHED,
        is_recent=finished_at is None or finished_at > since,
        row=(*shown, min(100, 100 * done // total) if done is not None and total else None),
        notices=(*shown, row["notices_count"]),
    )


def _chunks(task_ids: Collection[UUID]) -> Iterator[list[UUID]]:
    ids = list(task_ids)
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
