"""The task that this process runs, for the command itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from brokerless.channel import CommandEnd
    from brokerless.context import Context
    from brokerless.models import TaskState
    from brokerless.progress import Reporter
    from brokerless.runtime_dir import TaskFiles

# In the environment of a command process and of whatever it starts: the task's `id:lease`.
INSIDE_VARIABLE = "BROKERLESS_INSIDE"


class CurrentTask:
    """What a command may know of, and say about, the task that it runs in.

    result: any JSON value, stored on the row when the command returns. Its key `download`, if it is an object
    that has one, is the path under which the user fetches what the command made.
    context: the request's context. progress: where the command says how far it is.
    """

    def __init__(
        self,
        task_id: UUID,
        lease: int,
        *,
        owner_id: str | None,
        context: Context,
        progress: Reporter,
        end: CommandEnd,
        files: TaskFiles,
    ) -> None:
        self.id = task_id
        self.lease = lease
        self.owner_id = owner_id
        self.context = context
        self.progress = progress
        self.result: Any = None
        self._end = end
        self._files = files

    @property
    def state(self) -> TaskState:
        """The task's row, read now."""
        from brokerless.models import TaskState

        return TaskState.objects.get(pk=self.id)

    def renew_lease(self) -> None:
        """Make sure that the task is still this process's; call it before every effect outside the database.

        Raises LeaseLost when it is not.
        """
        self._end.renew_lease()

    def ask_for_dispatch(self) -> None:
        """Have the monitor start what may run: the child of a command would end with it."""
        self._end.tell("dispatch")

    def note_temporary(self, path: Path) -> None:
        """Note, before making it, a file that whoever finishes the task removes if it is still there then."""
        self._files.note_temporary(path)


def is_inside_a_task() -> bool:
    """Tell whether this is a command process, or a process that a command started."""
    return INSIDE_VARIABLE in os.environ


_current: CurrentTask | None = None


def current_task() -> CurrentTask | None:
    """Return the task that this process runs; None in a command run by hand, and outside of a command."""
    return _current


def set_current_task(task: CurrentTask | None) -> None:
    global _current
    _current = task
