"""Pausing: a host, or all of them, start nothing more; draining waits until what runs has ended."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import Error, connections, router, transaction
from django.db.models.functions import Coalesce, Now

from brokerless.dispatch import dispatch
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from brokerless.reap import reap

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger("brokerless")

# Between two looks while draining; the end of a task on this host is in its row within a second.
LOOK_PAUSE = 0.5  # seconds
# How long the database may be away while draining.
DATABASE_PATIENCE = 30.0  # seconds


def pause(*, everywhere: bool = False) -> None:
    """Claim nothing more on this host, or on any, until `resume()`; what runs goes on.

    No claim is under way any more when this returns. Raises RuntimeError inside a transaction, which would
    keep the pause from the others.
    """
    name = Host.EVERYWHERE if everywhere else host_name()
    with transaction.atomic(using=_database(), durable=True):
        # Again if the row of a host that was long gone is deleted in between.
        while not Host.objects.filter(name=name).update(paused_at=Coalesce("paused_at", Now())):
            Host.objects.get_or_create(name=name)
    if everywhere:
        _await_claims()


def resume(*, everywhere: bool = False) -> int:
    """End the pause of this host, or the one of all hosts, and return how many tasks were started here.

    The two are independent: a host that was paused by itself stays so when the pause of all ends. Raises
    RuntimeError inside a transaction.
    """
    name = Host.EVERYWHERE if everywhere else host_name()
    with transaction.atomic(using=_database(), durable=True):
        Host.objects.filter(name=name).update(paused_at=None)
    return dispatch()


def is_paused(*, everywhere: bool = False) -> bool:
    """Tell whether this host claims nothing, by its own pause or by that of all; or whether all are paused."""
    names = [Host.EVERYWHERE] if everywhere else [Host.EVERYWHERE, host_name()]
    return Host.objects.paused(*names).exists()


@dataclass(frozen=True)
class Drained:
    """How far draining is: the tasks that ran when it began and no longer do, and those that still do.

    A task among the ended ones may be READY: it is to be tried again, or its process never began.
    """

    ended: list[TaskState] = field(default_factory=list)
    active: list[TaskState] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.active


def drain(
    *,
    timeout: float | None = None,
    everywhere: bool = False,
    on_progress: Callable[[Drained], None] = lambda _: None,
) -> Drained:
    """Pause, wait until no task is starting or running on this host, or on any, and return how far that came.

    timeout: how many seconds to wait at most; without it as long as the tasks take. on_progress is called at
    first, and whenever tasks have ended. Tasks whose processes are gone are finished, so that none holds this up.
    The pause stays. Raises django.db.Error when the database stays away.
    """
    pause(everywhere=everywhere)
    deadline = None if timeout is None else time.monotonic() + timeout
    watched: set[UUID] = set()
    ended: set[UUID] | None = None
    while True:
        before, active = _look_patiently(everywhere=everywhere)
        watched |= {task.pk for task in before}
        gone = watched - {task.pk for task in active}
        if gone != ended:
            ended = gone
            drained = Drained(_as_they_are(ended), active)
            on_progress(drained)
        remaining = LOOK_PAUSE if deadline is None else deadline - time.monotonic()
        if not active or remaining <= 0:
            return drained
        time.sleep(min(LOOK_PAUSE, remaining))


def _await_claims() -> None:
    """Wait for the claims that began before all hosts were paused: each holds its host's row.

    One after another, as whoever held two locks could meet a claim that holds the one and wants the other. A
    host that is new since then has seen the pause.
    """
    for name in Host.objects.exclude(name=Host.EVERYWHERE).values_list("name", flat=True):
        Host.objects.filter(name=name).update(name=name)


def _look_patiently(*, everywhere: bool) -> tuple[list[TaskState], list[TaskState]]:
    """Bring rows to the truth, and return what was active before and still is.

    Tries again while the database is locked or away for a moment.
    """
    patience_ends = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            before = list(_active(everywhere=everywhere))
            reap()
            return before, list(_active(everywhere=everywhere))
        except Error as error:
            if time.monotonic() > patience_ends:
                raise
            logger.warning("The database could not be asked and is asked again: %s", error)
            connections.close_all()
            time.sleep(LOOK_PAUSE)


def _active(*, everywhere: bool) -> QuerySet[TaskState]:
    active = TaskState.objects.active().order_by("created_at", "pk")
    return active if everywhere else active.filter(host=host_name())


def _as_they_are(ids: set[UUID]) -> list[TaskState]:
    return list(TaskState.objects.filter(pk__in=ids).order_by("finished_at", "pk"))


def _database() -> str:
    return router.db_for_write(TaskState)
