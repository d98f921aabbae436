"""Claim ready tasks as the host's limit admits, and start them."""

from __future__ import annotations

import logging
import threading
import time

from django.db import router, transaction
from django.db.models.functions import Now

from brokerless import outcome, transitions
from brokerless.conf import settings
from brokerless.current import current_task, is_inside_a_task
from brokerless.exceptions import BrokerlessError
from brokerless.launchers import get_launcher
from brokerless.models import Host, TaskState
from brokerless.processes import host_name

logger = logging.getLogger("brokerless")

# A page that polls may make its process dispatch once in so many seconds.
POLL_INTERVAL = 1.0
_last_dispatch = 0.0
_lock = threading.Lock()


def dispatch(*, look_first: bool = True) -> int:
    """Start as many ready tasks as may run on this host now, oldest first, and return how many.

    look_first: take the lock only if something waits and there is a place, so that a page that polls for a
    waiting task writes nothing; whoever has just launched need not look. Inside a task all this is left to its
    monitor: what a command starts ends with it.
    """
    global _last_dispatch
    _last_dispatch = time.monotonic()
    if is_inside_a_task():
        if task := current_task():
            task.ask_for_dispatch()
        return 0
    started = 0
    # Again, as whatever could not be spawned leaves its place to the next.
    while claimed := _claim(look_first=look_first):
        started += sum(_start(task) for task in claimed)
        look_first = True
    return started


def dispatch_for_poll() -> int:
    """Do as `dispatch()` does, but at most once a second in this process, however many pages poll."""
    global _last_dispatch
    with _lock:
        if time.monotonic() - _last_dispatch < POLL_INTERVAL:
            return 0
        _last_dispatch = time.monotonic()
    return dispatch()


def _claim(*, look_first: bool) -> list[TaskState]:
    """READY → STARTING for as many tasks as there are free places, under the host's row lock.

    The lock is a row's and not a file's: it ends with its transaction, whatever becomes of this process.
    """
    host = host_name()
    database = router.db_for_write(TaskState)
    # Nothing is missed between this look and the lock: whoever frees a place dispatches after it is free.
    if look_first and not (TaskState.objects.ready().exists() and _places(host)):
        return []
    with transaction.atomic(using=database, durable=True):
        locked = Host.objects.using(database).filter(name=host).update(dispatched_at=Now())
        if locked:
            candidates = list(TaskState.objects.ready()[: _places(host)])
            claimed = [task for task in candidates if transitions.claim(task, host=host)]
            if claimed or not candidates:
                return claimed
    # This host has no row yet, or another one took every candidate: the tasks behind them are still waiting.
    Host.objects.using(database).get_or_create(name=host)
    return _claim(look_first=look_first)


def _places(host: str) -> int:
    """Return how many more tasks may run on the host."""
    return max(0, settings.MAX_PROCESSES - TaskState.objects.active().filter(host=host).count())


def _start(task: TaskState) -> bool:
    try:
        get_launcher().start(task)
    except BrokerlessError as error:
        logger.error("task=%s command=%s could not be started: %s", task.pk, task.command, error)
        failed = outcome.not_spawned(str(error))
        transitions.finish(task.pk, task.lease, failed, before=TaskState.Status.STARTING)
        return False
    except Exception:
        # It may have a process or not; either way the next looks at its row find the truth.
        logger.exception("task=%s command=%s may not have been started", task.pk, task.command)
        return False
    return True
