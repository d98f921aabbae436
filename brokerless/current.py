"""The task that this process runs, for the command itself."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from brokerless.arguments import storable
from brokerless.exceptions import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from brokerless.channel import CommandEnd
    from brokerless.context import Context
    from brokerless.models import TaskState
    from brokerless.progress import Reporter
    from brokerless.runtime_dir import TaskFiles

# In the environment of a command process and of whatever it starts: the task's `id:lease`.
INSIDE_VARIABLE = "BROKERLESS_INSIDE"
NOTICE_LIMIT = 200  # characters of a notice


class CurrentTask:
    """What a command may know of, and say about, the task that it runs in.

    result: any JSON value, stored on the row when the command returns. Its key `download`, if it is an object
    that has one, is the path under which the user fetches what the command made.
    context: the request's context. progress: where the command says how far it is. by_hand: a recorded run, with
    somebody's terminal, or cron's pipe, for its output.
    """

    def __init__(
        self,
        task_id: UUID,
        lease: int,
        *,
        owner_id: str | None,
        by_hand: bool = False,
        context: Context,
        progress: Reporter,
        end: CommandEnd,
        files: TaskFiles,
    ) -> None:
        self.id = task_id
        self.lease = lease
        self.owner_id = owner_id
        self.by_hand = by_hand
        self.context = context
        self.progress = progress
        self.result: Any = None
        self._end = end
        self._files = files
        self._has_begun = False

    @property
    def state(self) -> TaskState:
        """The task's row, read now."""
        from brokerless.models import TaskState

        return TaskState.objects.get(pk=self.id)

    def notify(self, text: object) -> None:
        """Tell the task's owner something: once, on whatever page of the site they are, and on the task's page.

        It is made text, without white space around it, and cut to 200 characters. Raises InvalidArguments, which
        is a ValueError, when nothing is left.
        """
        notice = storable(str(text)).strip()[:NOTICE_LIMIT].rstrip()
        if not notice:
            raise InvalidArguments(f"A notice says something, in at most {NOTICE_LIMIT} characters; not {text!r}.")
        self._end.tell("notice", text=notice)

    def begin(self, command: str) -> TaskState | None:
        """Return the row, once, to the command that the task is a run of.

        None to another, and to the same at a further call: the task's own command calls those.
        """
        is_first, self._has_begun = not self._has_begun, True
        state = self.state if is_first else None
        return state if state and state.command == command else None

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


def is_in_background() -> bool:
    """Tell whether this process runs a task that nobody waits for with a terminal: not one that is run by hand."""
    task = current_task()
    return task is not None and not task.by_hand


_current: CurrentTask | None = None
# Of those that run inline, in tests: each thread may run one of its own, whose threads find the latest.
_inline: ContextVar[CurrentTask | None] = ContextVar("the task that runs inline", default=None)
_running_inline: list[CurrentTask] = []


def current_task() -> CurrentTask | None:
    """Return the task that this process runs; None outside of one, as in a command that is run unrecorded."""
    return _inline.get() or (_running_inline[-1] if _running_inline else _current)


@contextmanager
def running_inline(task: CurrentTask) -> Iterator[None]:
    """Have a task be the current one within the block."""
    token = _inline.set(task)
    _running_inline.append(task)
    try:
        yield
    finally:
        _running_inline.remove(task)
        _inline.reset(token)


def set_current_task(task: CurrentTask | None) -> None:
    global _current
    _current = task
