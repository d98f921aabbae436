"""Signals in the life of a task, for a site's own listeners: launched, started, finished.

The sender is `TaskState`, the keyword `task` its row as it is then. A listener that raises is logged by Django
(`django.dispatch`) and changes nothing. Which process tells, and what cannot be promised: docs/signals.md.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from django.db import Error, router, transaction
from django.dispatch import Signal

from brokerless import inline
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from brokerless.current import CurrentTask

__all__ = ["task_finished", "task_launched", "task_started"]

logger = logging.getLogger("brokerless")

# In the process that launched it, once its row is committed; not for a launch that joined another task.
task_launched = Signal()
# In the command process, within the task's context, right before the command; at each attempt.
task_started = Signal()
# In the process that wrote the final status, once that is committed; not after an attempt that is tried again.
task_finished = Signal()


class _Held(threading.local):
    """The tasks that were finished in this thread and are told of later; None where each is told of at once."""

    task_ids: list[UUID] | None = None


_held = _Held()


def tell_launched(task: TaskState) -> None:
    """Tell of a task that was recorded, after the commit."""
    if task_launched.has_listeners(TaskState):
        _after_commit(partial(_send, task_launched, task))


def tell_started(current: CurrentTask) -> None:
    """Tell of an attempt whose command is the next thing that this process runs."""
    if task_started.has_listeners(TaskState):
        _read_and_send(task_started, current.id)


def tell_finished(task_id: UUID) -> None:
    """Tell of a final status, after the commit: for whoever has written it, and nobody else."""
    if task_finished.has_listeners(TaskState):
        _after_commit(partial(_send_finished, task_id))


@contextmanager
def told_last(*, before: Callable[[], None] | None = None) -> Iterator[None]:
    """Tell of the tasks that a block finishes when all of it is done: a listener may take long, or never return.

    Within another such block they are told of when that one is done. before: called if there are any.
    """
    if _held.task_ids is not None:
        yield
        return
    _held.task_ids = []
    try:
        yield
    finally:
        task_ids, _held.task_ids = _held.task_ids, None
        if task_ids and before is not None:
            before()
        for task_id in task_ids:
            _send_finished(task_id)


def _after_commit(tell: Callable[[], None]) -> None:
    instead = inline.substitute()
    if instead is not None and not instead.is_at_commit:
        instead.tell(tell)
    else:
        transaction.on_commit(tell, using=router.db_for_write(TaskState), robust=True)


def _send_finished(task_id: UUID) -> None:
    if _held.task_ids is None:
        _read_and_send(task_finished, task_id)
    else:
        _held.task_ids.append(task_id)


def _read_and_send(signal: Signal, task_id: UUID) -> None:
    try:
        task = TaskState.objects.filter(pk=task_id).first()
    except Error as error:
        logger.error("task=%s its listeners are not told, as its row cannot be read: %s", task_id, error)
        return
    if task is not None:  # purged already
        _send(signal, task)


def _send(signal: Signal, task: TaskState) -> None:
    try:
        signal.send_robust(TaskState, task=task)
    except SystemExit:  # no `Exception`, but no end of this process either
        logger.exception("task=%s a listener wanted to exit", task.pk)
