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
from django.db.models import Case, F, JSONField, Q, When
from django.db.models.functions import Now
from django.utils import timezone

from brokerless.arguments import storable
from brokerless.current import NOTICE_LIMIT
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from uuid import UUID

    from django.contrib.auth.models import AbstractBaseUser

    from brokerless.models import TaskStateQuerySet

KEPT = 50  # notices of a task, the last ones
RECENT = timedelta(hours=24)  # what is older is news no more
# How many unfinished tasks are looked at, and how many of those that ended last: more is news to nobody.
UNFINISHED_LIMIT, ENDED_LIMIT = 300, 30
TAKEN_LIMIT = 10  # notices at a time
# What a look reads of a row; not what a command was given, has made, or has said long ago.
LOOKED_AT = (
    *("id", "owner", "command", "title", "status", "created_at", "finished_at", "cancel_requested_at"),
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
    """A user's unfinished tasks, the newest first, how many there are, and what no page has shown, oldest first.

    Where very many are unfinished some of those that wait are left out; they are counted.
    """

    unfinished: list[TaskState]
    running: int
    waiting: int
    unshown: list[News]


def look(user: AbstractBaseUser) -> Look:
    """Return what a user has running, the newest first, and what is new to them; nothing of others' tasks.

    By two queries, however many tasks the user has had: of what is unfinished, and of what has ended within a day.
    By five, while very many are unfinished.
    """
    own = _looked_at().filter(owner_id=user.pk)
    unfinished, running, waiting = _unfinished(own)
    is_new = Q(end_shown_at=None) | Q(notices_count__gt=F("notices_shown"))
    ended = own.filter(is_new, finished_at__gt=timezone.now() - RECENT).order_by("-finished_at")[:ENDED_LIMIT]
    # Sorted stably, with those of a task in their order.
    news = sorted((each for task in (*unfinished, *ended) for each in _news_of(task)), key=lambda each: each.at)
    # Here: for the order's sake a database would read all that the user ever had by another index.
    return Look(sorted(unfinished, key=lambda task: task.created_at, reverse=True), running, waiting, news)


def unshown(user: AbstractBaseUser) -> list[News]:
    """Return what no page has shown to a user yet, oldest first."""
    return look(user).unshown


def take(user: AbstractBaseUser, *, ids: Collection[str] | None = None) -> list[News]:
    """Return what no page has shown yet, oldest first and a few at a time; nobody is given it once more.

    ids: only these. Of two that take at once each thing goes to one of them.
    """
    found = [*_without_gaps(unshown(user), ids)][:TAKEN_LIMIT]
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
    """Return tasks with what a look reads of them, in no order.

    said: the notices if some were not shown; made: the result if the end was not. Either may be long.
    """
    said = Case(When(notices_count__gt=F("notices_shown"), then=F("notices")), output_field=JSONField())
    made = Case(When(finished_at__isnull=False, end_shown_at=None, then=F("result")), output_field=JSONField())
    return TaskState.objects.only(*LOOKED_AT).annotate(said=said, made=made).order_by()


def _unfinished(own: TaskStateQuerySet) -> tuple[list[TaskState], int, int]:
    """Return unfinished tasks, in no order, and how many are running and waiting.

    Of very many those that have a process are wanted first, in whatever order a database finds them.
    """
    found = list(own.filter(finished_at=None, status__in=TaskState.UNFINISHED)[: UNFINISHED_LIMIT + 1])
    if len(found) <= UNFINISHED_LIMIT:
        running = sum(task.is_active for task in found)
        return found, running, len(found) - running
    newest = [of_kind.order_by("-created_at")[: UNFINISHED_LIMIT // 2] for of_kind in (own.active(), own.ready())]
    return [*newest[0], *newest[1]], own.active().count(), own.ready().count()


def _news_of(task: TaskState) -> Iterator[News]:
    """Yield what of a task was not shown, in its order: a clock that was put back makes nothing earlier."""
    since = latest = timezone.now() - RECENT
    for notice in task.said or ():
        at = _moment(notice["at"])
        if notice["number"] > task.notices_shown and at is not None and at > since:
            latest = max(latest, at)
            yield News(task, latest, notice["number"], notice["text"])
    if task.finished_at is not None and task.end_shown_at is None:
        task.result = task.made  # read already
        yield News(task, max(task.finished_at, latest))


def _without_gaps(news: list[News], ids: Collection[str] | None) -> Iterator[News]:
    """Yield what is named, of each task's notices up to the first that is not: all before the last shown count."""
    held: set[UUID] = set()
    for each in news:
        is_named = ids is None or each.id in ids
        if is_named and (each.is_end or each.task.pk not in held):
            yield each
        elif not each.is_end:
            held.add(each.task.pk)


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
