"""Deleting finished tasks: which may go, and what goes with them."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connections, models, router, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from brokerless.models import TaskState
from brokerless.patience import bounded_waits
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


def along(step: Callable[[Sequence[UUID]], None]) -> None:
    """Have what an app on top of this one made for a task go when somebody deletes the task; a purge is none.

    It is called with the keys of tasks, in the transaction that deletes them and before it does: what cannot be
    taken back is for `transaction.on_commit()`. What it raises keeps the tasks.
    """
    if step not in _taken_along:
        _taken_along.append(step)


def remove(tasks: TaskStateQuerySet) -> set[UUID]:
    """Delete tasks because somebody wants them gone: their rows, what they made, and their logs, if they lie here.

    tasks: those that may be deleted as far as the caller knows. Of these only such as are `deletable()`; all
    conditions are asked again in the transaction that deletes. What holds a row for a moment is waited for.
    The logs go after the commit, so that none is missing of a task that stays. One that cannot be removed then
    belongs to no task any more, as what a crash left, and goes with the next purge.

    Return the keys of those that this has deleted. Raises django.db.Error, and what a further step raises.
    """
    keys = list(deletable(tasks).order_by().values_list("pk", flat=True))
    if not keys:
        return set()
    database = router.db_for_write(TaskState)
    with transaction.atomic(using=database), bounded_waits():
        gone = _deleted(keys, deletable(tasks), steps=_taken_along)
        transaction.on_commit(partial(_remove_logs, gone), using=database, robust=True)
    return set(gone)


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


def delete(keys: Collection[UUID]) -> int:
    """Delete the rows of finished tasks and return how many: not those that somebody else holds just now."""
    if not keys:
        return 0
    with transaction.atomic(using=router.db_for_write(TaskState)):
        return len(_deleted(keys, TaskState.objects.all(), is_waiting=False))


def _deleted(
    keys: Collection[UUID],
    among: TaskStateQuerySet,
    *,
    steps: Sequence[Callable[[Sequence[UUID]], None]] = (),
    is_waiting: bool = True,
) -> list[UUID]:
    """Delete rows of finished tasks, in a transaction, and return which. among: what they have to be besides."""
    features = connections[router.db_for_write(TaskState)].features
    tasks = among.order_by("pk").filter(pk__in=keys).exclude(status__in=TaskState.UNFINISHED)
    if features.has_select_for_update:
        skip_locked = not is_waiting and features.has_select_for_update_skip_locked
        tasks = tasks.select_for_update(skip_locked=skip_locked)
    found = list(tasks.values_list("pk", flat=True))
    for step in steps:
        step(found)
    TaskState.objects.filter(pk__in=found).only("pk").delete()
    return found


def _remove_logs(keys: Sequence[UUID]) -> None:
    with opened_runtime_directory() as directory:
        if directory is None:
            return
        for pk in keys:
            directory.remove(str(pk))
        for sentence in directory.left:
            logger.warning("Not deleted: %s", sentence)


def _holding_relations() -> list[Any]:
    """Return what of other apps refers to tasks so that a deletion would lose or break something."""
    fields = TaskState._meta.get_fields(include_hidden=True)  # noqa: SLF001 - Django's documented interface
    relations = [each for each in fields if each.auto_created and not each.concrete]
    return [each for each in relations if getattr(each, "on_delete", None) in HOLDING]
