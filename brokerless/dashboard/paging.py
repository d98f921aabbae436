"""A page of the list, from a task on: as cheap at its end as at its beginning, and the same while tasks come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings as django_settings
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.dateparse import parse_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from brokerless.models import TaskState, TaskStateQuerySet

PAGE_SIZE = 25
MOST_COUNTED = 10_000
BETWEEN = "_"


@dataclass(frozen=True)
class Page:
    """Some tasks, newest first.

    older, newer: what to ask for the next pages with, empty where there are none. count: how many tasks there are
    on all pages; None if that was not counted to the end.
    """

    tasks: list[TaskState]
    older: str
    newer: str
    count: int | None = None

    @property
    def is_first(self) -> bool:
        return not self.newer


def page_of(found: TaskStateQuerySet, *, before: str = "", after: str = "", is_few: bool = False) -> Page:
    """Return the newest tasks, those that are older than a place, or the next newer ones.

    is_few: an index finds them all; they are to be sorted then, rather than looked for among all in their order.
    Raises ValueError for a place that is none.
    """
    # An expression, which no index is in the order of: without statistics SQLite would prefer one that is.
    moment = Coalesce("created_at", "created_at") if is_few else F("created_at")
    if after:
        nearest = list(_newer_than(found, after).order_by(moment.asc(), "-pk")[: PAGE_SIZE + 1])
        if len(nearest) > PAGE_SIZE:
            tasks = nearest[:PAGE_SIZE][::-1]
            return Page(tasks, older=place_of(tasks[-1]), newer=place_of(tasks[0]))
        # What is left of the newest is shown as the first page, which is a full one.
    tasks = list((_older_than(found, before) if before else found).order_by(moment.desc(), "pk")[: PAGE_SIZE + 1])
    has_older = len(tasks) > PAGE_SIZE
    tasks = tasks[:PAGE_SIZE]
    older = place_of(tasks[-1]) if has_older else ""
    newer = (place_of(tasks[0]) if tasks else before) if before else ""
    return Page(tasks, older, newer, None if has_older or before else len(tasks))


def counted(found: TaskStateQuerySet) -> int | None:
    """Return how many there are; None if they are more than anybody wants to wait for, or read."""
    number = found.order_by().values("created_at")[: MOST_COUNTED + 1].count()
    return number if number <= MOST_COUNTED else None


def place_of(task: TaskState) -> str:
    """Return where in the list a task stands, as an address carries it."""
    return f"{task.created_at.isoformat()}{BETWEEN}{task.pk.hex}"


def has_newer(found: TaskStateQuerySet, place: str) -> bool:
    """Tell whether there is a newer task. Raises ValueError for a place that is none."""
    # In no order: for its sake SQLite would read all that somebody sees.
    return _newer_than(found, place).order_by().exists()


def _older_than(found: TaskStateQuerySet, place: str) -> TaskStateQuerySet:
    created_at, pk = _read(place)
    # The first condition follows from the others, and is the one that an index answers.
    return found.filter(Q(created_at__lt=created_at) | Q(pk__gt=pk), created_at__lte=created_at)


def _newer_than(found: TaskStateQuerySet, place: str) -> TaskStateQuerySet:
    created_at, pk = _read(place)
    return found.filter(Q(created_at__gt=created_at) | Q(pk__lt=pk), created_at__gte=created_at)


def _read(place: str) -> tuple[datetime, UUID]:
    moment, _, key = place.partition(BETWEEN)
    created_at = parse_datetime(moment)
    if created_at is None or timezone.is_aware(created_at) != django_settings.USE_TZ:
        raise ValueError("This is no moment of this site's.")
    if django_settings.USE_TZ and created_at.utcoffset():
        raise ValueError("A place is in UTC.")
    return created_at, UUID(key)
