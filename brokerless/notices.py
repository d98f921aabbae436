"""What commands tell their users while they run, and what was not shown to them yet.

The monitor numbers what a command says, and stores it with its heartbeat. A page takes what is new by an UPDATE
under the condition that nobody has: each notice, and each end of a task, is handed out once, to whichever page of
whichever browser comes first. Those UPDATEs touch columns of their own, which no monitor writes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import OperationalError, connections, router
from django.db.models import Case, F, JSONField, When
from django.db.models.functions import Now
from django.utils import timezone

from brokerless.arguments import storable
from brokerless.current import NOTICE_LIMIT
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.contrib.auth.models import AbstractBaseUser

    from brokerless.models import TaskStateQuerySet

KEPT = 50  # notices of a task, the last ones
RECENT = timedelta(hours=24)  # what is older is news no more
# How many unfinished tasks are looked at, and how many of those that ended last: more is news to nobody.
UNFINISHED_LIMIT, ENDED_LIMIT = 300, 30
TAKEN_LIMIT = 10  # notices at a time
# What a look reads of a row; not what a command was given, has made, or has said long ago.
LOOKED_AT = (
    *("id", "command", "title", "status", "created_at", "finished_at", "cancel_requested_at"),
    *("progress_current", "progress_total", "progress_unit", "progress_message", "progress_rate"),
    *("error_type", "error_title", "notices_count", "notices_shown", "end_shown_at"),
)


class SaidNotices:
    """The monitor's side: gathers what the command says until a beat has stored it; any thread may read."""

    def __init__(self, task: TaskState) -> None:
        # Another attempt goes on where the one before has ended.
        self._count = self._stored = task.notices_count
        self._kept: deque[dict[str, Any]] = deque(task.notices or (), maxlen=KEPT)
        self._lock = Lock()

    def add(self, text: str) -> None:
        """Number a notice, and keep it for as long as it is among the last."""
        at = timezone.now().isoformat()
        with self._lock:
            self._count += 1
            self._kept.append({"number": self._count, "at": at, "text": storable(text)[:NOTICE_LIMIT]})

    def read(self) -> dict[str, Any]:
        """Return the row's fields; empty when the row has them already."""
        with self._lock:
            if self._count == self._stored:
                return {}
            return {"notices": [*self._kept], "notices_count": self._count}

    def stored(self, measured: dict[str, Any]) -> None:
        """Note that the row has these fields."""
        self._stored = max(self._stored, measured.get("notices_count", 0))


@dataclass(frozen=True)
class News:
    """Something to be shown once: a notice of a task, or its end, which has no number."""

    task: TaskState
    at: datetime
    number: int | None = None
    text: str = ""

    @property
    def id(self) -> str:
        return f"{self.task.pk}:{'end' if self.number is None else self.number}"

    @property
    def is_end(self) -> bool:
        return self.number is None


class Look(NamedTuple):
    """A user's unfinished tasks, and what no page has shown yet, oldest first."""

    unfinished: list[TaskState]
    unshown: list[News]


def look(user: AbstractBaseUser) -> Look:
    """Return what a user has running, the newest first, and what is new to them; nothing of others' tasks.

    By two queries that each read a few entries of one index, however many tasks the user has, and whatever was
    shown of them.
    """
    own = _looked_at().filter(owner_id=user.pk)
    # Sorted here: for the order's sake a database would read all that the user ever had by another index.
    found = own.filter(finished_at=None, status__in=TaskState.UNFINISHED)[:UNFINISHED_LIMIT]
    unfinished = sorted(found, key=lambda task: task.created_at, reverse=True)
    ended = own.filter(finished_at__gt=timezone.now() - RECENT).order_by("-finished_at")[:ENDED_LIMIT]
    news = [each for task in (*unfinished, *ended) for each in _news_of(task)]
    return Look(unfinished, sorted(news, key=lambda each: each.at))


def unshown(user: AbstractBaseUser) -> list[News]:
    """Return what no page has shown to a user yet, oldest first."""
    return look(user).unshown


def take(user: AbstractBaseUser, *, ids: Collection[str] | None = None) -> list[News]:
    """Return what no page has shown yet, oldest first and a few at a time; nobody is given it once more.

    ids: only these. Of two that take at once each thing goes to one of them.
    """
    found = [each for each in unshown(user) if ids is None or each.id in ids][:TAKEN_LIMIT]
    taken: list[News] = []
    # In one order for all, as two that take in transactions wait for each other's rows.
    for task in sorted({each.task.pk: each.task for each in found}.values(), key=lambda task: task.pk):
        try:
            taken += _claimed(task, [each for each in found if each.task is task])
        except OperationalError:  # SQLite's writer did not finish in time
            if connections[router.db_for_write(TaskState)].in_atomic_block:
                raise
            break  # what is left is still there for the next look
    return sorted(taken, key=lambda each: each.at)


def _looked_at() -> TaskStateQuerySet:
    """Return tasks with what a look reads of them, in no order; `said` are the notices if some were not shown."""
    said = Case(When(notices_count__gt=F("notices_shown"), then=F("notices")), output_field=JSONField())
    return TaskState.objects.only(*LOOKED_AT).annotate(said=said).order_by()


def _news_of(task: TaskState) -> Iterator[News]:
    for notice in task.said or ():
        at = _moment(notice["at"])
        if notice["number"] > task.notices_shown and at is not None and at > timezone.now() - RECENT:
            yield News(task, at, notice["number"], notice["text"])
    if task.finished_at is not None and task.end_shown_at is None:
        yield News(task, task.finished_at)


def _claimed(task: TaskState, news: list[News]) -> list[News]:
    """Return those that this UPDATE, and no other, has marked as shown."""
    row = TaskState.objects.filter(pk=task.pk)
    taken: list[News] = []
    if notices := [each for each in news if not each.is_end]:
        last = max(each.number for each in notices)
        if row.filter(notices_shown=task.notices_shown).update(notices_shown=last):
            taken += notices
    if (ends := [each for each in news if each.is_end]) and row.filter(end_shown_at=None).update(
        end_shown_at=Now()
    ):
        taken += ends
    return taken


def _moment(text: str) -> datetime | None:
    """Return when a notice was said; None if the site has come to use time zones, or does no more, since."""
    at = datetime.fromisoformat(text)
    return at if timezone.is_aware(at) == timezone.is_aware(timezone.now()) else None
