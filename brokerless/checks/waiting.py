"""Checks of the rows, which run only with `check --database`: tasks that nothing will start by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.core import checks
from django.db import Error, connections, router
from django.db.models import Count
from django.db.models.functions import Coalesce, Now

from brokerless import queues
from brokerless.conf import settings
from brokerless.functions.command import CALL_TASK
from brokerless.health import TICK_PATIENCE, alive
from brokerless.hosts import is_or_are, paused_here, ticked_lately
from brokerless.models import Host, TaskState
from brokerless.standby import LONGEST_STAY

if TYPE_CHECKING:
    from collections.abc import Iterable

TICK = "Run `manage.py tasks tick` every minute, from cron or a timer of systemd."


def check_rows(databases: Iterable[str]) -> list[checks.CheckMessage]:
    """Run the checks of the rows if the tasks' database is among these and has our tables.

    A database that cannot be asked is not our news.
    """
    alias = router.db_for_write(TaskState)
    if alias not in databases or settings.problems():
        return []
    try:
        return check_queues() + check_ready_work() + check_pauses() if _has_tables(alias) else []
    except Error:
        return []


def check_queues() -> list[checks.CheckMessage]:
    """W006: tasks wait or run in a queue that the settings do not know."""
    known = {queues.DEFAULT, *settings.QUEUES}
    # Of a task function's queue it is enough that TASKS knows it.
    lost = TaskState.objects.unfinished().exclude(command=CALL_TASK).exclude(queue__in=known).order_by("queue")
    found = lost.values_list("queue").annotate(number=Count("pk"))
    hint = "Put it back into BROKERLESS['QUEUES'] until they have ended. They have the default queue's limit now."
    return [
        checks.Warning(
            f"{_tasks(number)} unfinished in the queue {queue!r}, which the settings do not know.",
            hint=hint,
            id="brokerless.W006",
        )
        for queue, number in found
    ]


def check_ready_work() -> list[checks.CheckMessage]:
    """W007: tasks are due, W008: or will be, and nothing is running that would start them."""
    if paused_here().exists() or alive().exists():
        return []
    ready = TaskState.objects.ready().annotate(due_at=Coalesce("run_after", "created_at"))
    messages = []
    if overdue := ready.filter(due_at__lt=Now() - TICK_PATIENCE).count():
        text = f"{_tasks(overdue)} waiting, and nothing is running that would start them."
        messages.append(checks.Warning(text, hint=TICK, id="brokerless.W007"))
    # For what is due sooner a monitor that has ended its task may be standing by.
    later = ready.filter(run_after__gt=Now() + timedelta(seconds=LONGEST_STAY)).count()
    if later and not ticked_lately().exists():
        text = f"{_tasks(later)} to start later, and nothing is running that would start them then."
        messages.append(checks.Warning(text, hint=TICK, id="brokerless.W008"))
    return messages


def check_pauses() -> list[checks.CheckMessage]:
    """W009: tasks wait, and hosts are paused."""
    waiting = TaskState.objects.due().count()
    if not waiting:
        return []
    return [_paused_message(host, waiting) for host in paused_here()]


def _paused_message(host: Host, waiting: int) -> checks.CheckMessage:
    is_all = host.name == Host.EVERYWHERE
    where = "`manage.py tasks resume --everywhere`" if is_all else "`manage.py tasks resume` on it"
    text = f"{is_or_are(host)} paused since {host.paused_at:%Y-%m-%d %H:%M %Z}, and {_tasks(waiting)} waiting."
    return checks.Warning(text, hint=f"Run {where} when it is to start tasks again.", id="brokerless.W009")


def _has_tables(alias: str) -> bool:
    """Tell whether the tables are as the models say: a site is checked before it is migrated, too."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        existing = connection.introspection.table_names(cursor)
        for model in (TaskState, Host):
            meta = model._meta  # noqa: SLF001 - Django's documented interface
            if meta.db_table not in existing:
                return False
            described = connection.introspection.get_table_description(cursor, meta.db_table)
            if not {field.column for field in meta.concrete_fields} <= {column.name for column in described}:
                return False
    return True


def _tasks(number: int) -> str:
    return "1 task is" if number == 1 else f"{number} tasks are"
