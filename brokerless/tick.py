"""One round of housekeeping, safe any time, many times, anywhere."""

from __future__ import annotations

from datetime import timedelta

from django.db import connections, router, transaction
from django.utils import timezone

from brokerless.conf import settings
from brokerless.dispatch import dispatch, dispatch_for_poll
from brokerless.models import TaskState
from brokerless.processes import host_name
from brokerless.reap import look_at, reap
from brokerless.signals import told_last


@told_last()
def tick() -> tuple[int, int]:
    """Bring every active task to the truth and start what may run; return how many of each."""
    return reap(), dispatch()


def look_after(task: TaskState) -> TaskState:
    """Bring one task to the truth because somebody looks at it, and return it as it is now.

    Costs no query unless something is wrong with it or it waits to be started. In a transaction, as under
    ATOMIC_REQUESTS, all this happens after its commit, and the next look shows it.
    """
    database = router.db_for_write(TaskState)
    if connections[database].in_atomic_block:
        # Signals and removed files cannot be rolled back, and a claim must be seen by all at once.
        if not task.is_finished:
            transaction.on_commit(lambda: _look_after(task), using=database, robust=True)
        return task
    return _look_after(task)


def may_be_wrong(task: TaskState) -> bool:
    """Tell whether it is worth a look: one at another host's task costs a query, and sees its silence alone."""
    if task.status != TaskState.Status.RUNNING or task.host == host_name():
        return not task.is_finished
    silent_since = timezone.now() - timedelta(seconds=settings.LOST_AFTER)
    return task.heartbeat_at is None or task.heartbeat_at < silent_since


@told_last()
def _look_after(task: TaskState) -> TaskState:
    if look_at(task):
        dispatch_for_poll()
    elif task.status != TaskState.Status.READY or not dispatch_for_poll():
        return task
    task.refresh_from_db()
    return task
