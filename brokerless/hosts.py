"""The hosts that the database knows: whether they keep the time, and whether they are paused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import router
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from brokerless.models import Host, TaskState
from brokerless.processes import host_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

# Of cron, every minute or every few.
TICKED_LATELY = timedelta(minutes=6)
# What has not been seen, and has not been the host of a failure, for so long is no news for anybody.
LATELY = timedelta(days=1)
MOMENTS = ("dispatched_at", "ticked_at", "purged_at")
# SQLite's lock for writing is held for one batch.
ROWS_AT_ONCE = 500
BAD_ENDS = [TaskState.Status.FAILED, TaskState.Status.LOST]


def note_tick() -> None:
    """Note that somebody keeps the time on this host: what waits for its `run_after` will be started."""
    own = Host.objects.filter(name=host_name())
    # Not `update_or_create()`: its locks on a row that is not there yet make many first ticks meet in deadlocks.
    while not own.update(ticked_at=Now()):
        Host.objects.get_or_create(name=host_name())


def ticked_lately() -> QuerySet[Host]:
    return Host.objects.filter(ticked_at__gt=Now() - TICKED_LATELY)


def paused_here() -> QuerySet[Host]:
    """Select the pauses that keep this host from starting tasks: its own, and that of all."""
    return Host.objects.paused(host_name(), Host.EVERYWHERE).order_by("name")


def is_or_are(host: Host) -> str:
    """Return a host as the beginning of a sentence."""
    # Behind the first slash of a host's name are its boot and its pid namespace.
    return "All hosts are" if host.name == Host.EVERYWHERE else f"The host {host.name.partition('/')[0]} is"


def known_names() -> list[str]:
    """Return the names of the hosts on which a task may have failed lately: with them an index finds these.

    A container, a boot and a pid namespace are a host each, so that there may have been very many. One that was
    seen long ago is among them while its tasks are just being found lost.
    """
    seen = Q.create([(f"{moment}__gt", Now() - LATELY) for moment in MOMENTS], connector=Q.OR)
    known = Host.objects.order_by().filter(seen | Exists(_failed_lately()))
    return [*{host_name(), *known.values_list("name", flat=True)}]


def forget_long_gone(*, may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Delete the rows of hosts that are long gone, in batches, and return how many.

    A host that comes back after all makes its row again.
    """
    forgotten = 0
    while may_go_on() and (keys := list(_long_gone().values_list("pk", flat=True)[:ROWS_AT_ONCE])):
        # One statement, which looks again: a host that is just claiming a task holds its row, and has its moment.
        deleted = _long_gone().filter(pk__in=keys)._raw_delete(router.db_for_write(Host))  # noqa: SLF001
        forgotten += deleted
        if deleted < len(keys):
            break
    return forgotten


def _long_gone() -> QuerySet[Host]:
    """Select the hosts that nobody needs: not paused, not seen for a day, and named by no task that matters.

    One that was never seen has only been locked, or paused for a while.
    """
    gone = Host.objects.order_by().filter(paused_at=None).exclude(name__in=[Host.EVERYWHERE, host_name()])
    for moment in MOMENTS:
        gone = gone.filter(Q(**{moment: None}) | Q(**{f"{moment}__lte": Now() - LATELY}))
    unfinished = TaskState.objects.order_by().filter(host=OuterRef("name"), status__in=TaskState.UNFINISHED)
    return gone.exclude(Exists(unfinished)).exclude(Exists(_failed_lately()))


def _failed_lately() -> QuerySet[TaskState]:
    failed = TaskState.objects.order_by().filter(host=OuterRef("name"), status__in=BAD_ENDS)
    return failed.filter(finished_at__gt=Now() - LATELY)
