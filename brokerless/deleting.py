"""Deleting finished tasks: which may go, and what goes with them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connections, models, router, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from brokerless.models import TaskState
from brokerless.sweeping import opened_runtime_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from brokerless.models import TaskStateQuerySet

logger = logging.getLogger("brokerless")

ONE_DAY = timedelta(days=1)

# What these do to a row that refers to a deleted one, SET_NULL and its kin do not: take it along, or break it.
HOLDING = {models.CASCADE, models.PROTECT, models.RESTRICT, models.DO_NOTHING, getattr(models, "DB_CASCADE", None)}

_taken_along: list[Callable[[Sequence[UUID]], None]] = []


class Deleted(NamedTuple):
    """Which tasks are gone, be it by somebody else, and which stay as their files could not be removed."""

    gone: set[UUID]
    stuck: set[UUID]


def along(step: Callable[[Sequence[UUID]], None]) -> None:
    """Have what an app on top of this one made for a task go when somebody deletes the task; a purge is none.

    It is called with the keys of tasks, in the transaction that deletes them and before it does: what cannot be
    taken back is for `transaction.on_commit()`. What it raises keeps the tasks.
    """
    if step not in _taken_along:
        _taken_along.append(step)


def remove(tasks: TaskStateQuerySet) -> Deleted:
    """Delete tasks because somebody wants them gone: their logs, if they lie here, their rows, and what they made.

    tasks: those that may be deleted as far as the caller knows. Of these only such as are `deletable()`; all
    conditions are asked again in the transaction that deletes.
    Raises RuntimeDirError when the runtime directory is not this user's, django.db.Error, and what a further
    step raises.
    """
    keys = list(deletable(tasks).order_by().values_list("pk", flat=True))
    with opened_runtime_directory() as directory:
        stuck = {pk for pk in keys if directory is not None and directory.remove(str(pk)) is None}
    for sentence in directory.left if directory is not None else ():
        logger.warning("Not deleted: %s", sentence)
    free = [pk for pk in keys if pk not in stuck]
    delete(free, among=deletable(tasks), steps=_taken_along)
    left = set(TaskState.objects.order_by().filter(pk__in=free).values_list("pk", flat=True))
    return Deleted(set(free) - left, stuck)


def deletable(tasks: TaskStateQuerySet) -> TaskStateQuerySet:
    """Select the finished tasks that nothing holds.

    Neither those by whose rows the next look finds processes that hang (see `brokerless.leftovers`), nor those to
    which a row of another app refers that would go with them, or prevent it.
    """
    may_hang = Q(stale_since__isnull=False) | Q(started_at=None, monitor_pid__isnull=False)
    # What is not unfinished is finished; said the other way round, SQLite would sort by status first.
    found = tasks.exclude(status__in=TaskState.UNFINISHED).exclude(may_hang & Q(finished_at__gt=Now() - ONE_DAY))
    for relation in _holding_relations():
        referring = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})  # noqa: SLF001
        found = found.exclude(Exists(referring))
    return found


def delete(
    keys: Collection[UUID],
    *,
    among: TaskStateQuerySet | None = None,
    steps: Sequence[Callable[[Sequence[UUID]], None]] = (),
) -> int:
    """Delete the rows of finished tasks and return how many: not those that somebody else is just deleting.

    among: what they have to be besides. steps: see `along()`.
    """
    if not keys:
        return 0
    database = router.db_for_write(TaskState)
    with transaction.atomic(using=database):
        tasks = TaskState.objects.all() if among is None else among
        tasks = tasks.order_by("pk").filter(pk__in=keys).exclude(status__in=TaskState.UNFINISHED)
        if connections[database].features.has_select_for_update_skip_locked:
            tasks = tasks.select_for_update(skip_locked=True)
        found = list(tasks.values_list("pk", flat=True))
        for step in steps:
            step(found)
        return TaskState.objects.filter(pk__in=found).only("pk").delete()[1].get(TaskState._meta.label, 0)  # noqa: SLF001


def _holding_relations() -> list[Any]:
    """Return what of other apps refers to tasks so that a deletion would lose or break something."""
    fields = TaskState._meta.get_fields(include_hidden=True)  # noqa: SLF001 - Django's documented interface
    relations = [each for each in fields if each.auto_created and not each.concrete]
    return [each for each in relations if getattr(each, "on_delete", None) in HOLDING]
