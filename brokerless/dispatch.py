"""Claim ready tasks as the limits of host and queues admit, and start them."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connections, router, transaction
from django.db.models.functions import Now

from brokerless import inline, outcome, queues, release, transitions
from brokerless.conf import settings
from brokerless.current import current_task, is_inside_a_task
from brokerless.exceptions import BrokerlessError
from brokerless.launchers import get_launcher
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from brokerless.signals import told_last

if TYPE_CHECKING:
    from uuid import UUID

    from brokerless.models import TaskStateQuerySet

logger = logging.getLogger("brokerless")

# Pages that poll make a host dispatch once in so many seconds.
POLL_INTERVAL = 1.0
_last_dispatch = 0.0
_lock = threading.Lock()


@told_last()
def dispatch(*, look_first: bool = True) -> int:
    """Start as many tasks as may run on this host now, by priority, then age, and return how many.

    look_first: take the lock only if something waits and there is a place, so that a page that polls for a
    waiting task writes nothing; whoever has just launched need not look. Inside a task all this is left to its
    monitor: what a command starts ends with it.
    """
    global _last_dispatch
    _last_dispatch = time.monotonic()
    if inline.substitute() is not None:
        return 0
    if is_inside_a_task():
        if task := current_task():
            task.ask_for_dispatch()
        return 0
    if release.is_outdated():
        # What the settings say by now is not known here; a fresh process knows.
        if _may_find_something(host_name()):
            release.tick_with_current_code()
        return 0
    started = 0
    # Again, as whatever could not be spawned leaves its place to the next.
    while claimed := _claim(look_first=look_first):
        started += sum(_start(task) for task in claimed)
        look_first = True
    return started


def dispatch_for_poll() -> int:
    """Do as `dispatch()` does, but at most once a second on this host, however many pages poll."""
    global _last_dispatch
    with _lock:
        if time.monotonic() - _last_dispatch < POLL_INTERVAL:
            return 0
        _last_dispatch = time.monotonic()
    lately = Now() - timedelta(seconds=POLL_INTERVAL)
    if Host.objects.filter(name=host_name(), dispatched_at__gt=lately).exists():
        return 0
    return dispatch()


def _claim(*, look_first: bool) -> list[TaskState]:
    """READY → STARTING for as many tasks as there are free places, under the lock of the host's row.

    That of all hosts is locked, too, if a queue has a limit. Locks are rows' and not files': they end with their
    transaction, whatever becomes of this process.
    """
    host = host_name()
    # Nothing is missed between this look and the lock: whoever frees a place dispatches after it is free.
    if look_first and not _may_find_something(host):
        return []
    # What this claim counts: always in this order, or two claims could wait for each other.
    locks = [host, Host.EVERYWHERE] if queues.is_any_limited() else [host]
    with transaction.atomic(using=_database(), durable=True):
        # By updates, and before anything is read, so that what is read is as the last holder left it.
        if all(Host.objects.filter(name=name).update(dispatched_at=Now()) for name in locks):
            return [] if _is_paused(host) else _take(host)
    for name in locks:
        Host.objects.get_or_create(name=name)
    return _claim(look_first=look_first)


def _may_find_something(host: str) -> bool:
    if not TaskState.objects.due().exists() or _is_paused(host):
        return False
    places = Places(host)
    return places.free > 0 and TaskState.objects.due().exclude(queue__in=places.full()).exists()


def _is_paused(host: str) -> bool:
    return Host.objects.paused(host, Host.EVERYWHERE).exists()


class Places:
    """How many more tasks may run: on a host, and in each queue on all hosts together."""

    def __init__(self, host: str) -> None:
        self._active: Counter[str] = Counter()
        self.free = settings.MAX_PROCESSES
        # Those that somebody runs by hand ask for no place, and take none.
        active = TaskState.objects.active().filter(by_hand=False).order_by()
        for queue, where in active.values_list("queue", "host"):
            self._active[queue] += 1
            self.free -= where == host

    def is_full(self, queue: str) -> bool:
        limit = queues.limit_of(queue)
        return limit is not None and self._active[queue] >= limit

    def full(self) -> list[str]:
        """Return the queues that are full, of those that have active tasks."""
        return [queue for queue in self._active if self.is_full(queue)]

    def occupy(self, queue: str) -> None:
        self.free -= 1
        self._active[queue] += 1


def _take(host: str) -> list[TaskState]:
    """Claim what there are places for; a full queue does not hold up the tasks of others behind it."""
    places = Places(host)
    claimed: list[TaskState] = []
    taken_elsewhere: list[UUID] = []
    while places.free > 0:
        candidates = TaskState.objects.due().exclude(queue__in=places.full()).exclude(pk__in=taken_elsewhere)
        batch = list(_unlocked(candidates)[: places.free])
        if not batch:
            break
        for task in batch:
            if places.is_full(task.queue):
                continue  # since the batch was read; the next is without its queue
            if transitions.claim(task, host=host):
                places.occupy(task.queue)
                claimed.append(task)
            else:
                taken_elsewhere.append(task.pk)
    return claimed


def _unlocked(tasks: TaskStateQuerySet) -> TaskStateQuerySet:
    """Leave out, where the database can, what somebody's transaction holds, a view's that cancels for example.

    All other claims would wait with this one for its end. A row that is left out waits for the next look.
    """
    features = connections[_database()].features
    if not features.has_select_for_update_skip_locked:
        return tasks
    return tasks.select_for_update(skip_locked=True, no_key=features.has_select_for_no_key_update)


def _database() -> str:
    return router.db_for_write(TaskState)


def _start(task: TaskState) -> bool:
    try:
        get_launcher().start(task)
    except BrokerlessError as error:
        logger.error("task=%s command=%s could not be started: %s", task.pk, task.command, error)
        failed = outcome.not_spawned(str(error))
        transitions.finish(task.pk, task.lease, failed, before=TaskState.Status.STARTING, is_repeatable=False)
        return False
    except Exception:
        # It may have a process or not; either way the next looks at its row find the truth.
        logger.exception("task=%s command=%s may not have been started", task.pk, task.command)
        return False
    return True
