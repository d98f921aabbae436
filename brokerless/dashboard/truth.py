"""Bringing the rows of a list to the truth because somebody looks at them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from brokerless.conf import settings
from brokerless.models import TaskState
from brokerless.processes import host_name
from brokerless.tick import look_after

if TYPE_CHECKING:
    from collections.abc import Iterable


def look_after_all(tasks: Iterable[TaskState]) -> list[TaskState]:
    """Return tasks as they are now; where nothing is wrong that costs no query."""
    return [look_after(task) if _may_be_wrong(task) else task for task in tasks]


def _may_be_wrong(task: TaskState) -> bool:
    """Tell whether it is worth a look: one at another host's task costs a query, and sees its silence alone."""
    if task.status != TaskState.Status.RUNNING or task.host == host_name():
        return not task.is_finished
    silent_since = timezone.now() - timedelta(seconds=settings.LOST_AFTER)
    return task.heartbeat_at is None or task.heartbeat_at < silent_since
