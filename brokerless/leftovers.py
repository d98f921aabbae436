"""What is left on this host of tasks whose monitor is gone, or whose rows another host has finished."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models.functions import Now

from brokerless import transitions
from brokerless.current import INSIDE_VARIABLE
from brokerless.models import TaskState
from brokerless.processes import TASK_VARIABLE, Process, host_name, kill_marked, kill_tree
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from brokerless.models import TaskStateQuerySet

Status = TaskState.Status
# While the stray processes of a task are being killed, they may still start others.
KILLING_ROUNDS = 20


def end_leftovers() -> None:
    """End what other hosts cannot reach of the tasks of this one that they have finished."""
    for task in _late_starts():
        kill_tree(Process(task.monitor_pid, task.monitor_start), reference=task.reference)
    for task in _given_up():
        # A monitor that lives ends its command itself: it learns that its lease is lost.
        if Process(task.monitor_pid, task.monitor_start).is_alive or not end_processes_of(task):
            continue
        files = TaskFiles(task.pk, task.lease)
        files.remove_temporary()
        files.remove_finish()
        transitions.note_cleared(task)


def end_processes_of(task: TaskState) -> bool:
    """Kill what the monitor can no longer kill, and tell whether nothing is left: nothing of a task outlives it.

    The command itself dies with its monitor, where the kernel sees to that.
    """
    if task.command_pid:
        kill_tree(Process(task.command_pid, task.command_start), reference=task.reference)
    for _ in range(KILLING_ROUNDS):
        # The first is what a fork of the monitor began with, the second what its command passes on.
        if not kill_marked([f"{TASK_VARIABLE}={task.reference}", f"{INSIDE_VARIABLE}={task.reference}"]):
            return True
    return False


def _late_starts() -> TaskStateQuerySet:
    """Select what was finished while its process was still to adopt it, and perhaps hangs before that."""
    return (
        TaskState.objects.order_by()
        .filter(
            host=host_name(),
            status__in=[Status.CANCELLED, Status.FAILED],
            started_at=None,
            monitor_pid__isnull=False,
            finished_at__gt=Now() - timedelta(days=1),
        )
        .only("lease", "monitor_pid", "monitor_start")
    )


def _given_up() -> TaskStateQuerySet:
    """Select what another host gave up while this one was silent."""
    return TaskState.objects.order_by().filter(host=host_name(), status=Status.LOST, stale_since__isnull=False)
