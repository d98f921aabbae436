"""Running a task inline: what monitor and command process do together, by the same pieces, in one thread."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from brokerless import attempts, outcome, transitions
from brokerless.channel import CURRENT, STAGE, TOTAL
from brokerless.command_process import execute, ordered_task
from brokerless.current import running_inline
from brokerless.exceptions import LeaseLost, TaskCancelled
from brokerless.functions.command import CALL_TASK
from brokerless.models import TaskState
from brokerless.notices import SaidNotices
from brokerless.processes import host_name, identify
from brokerless.progress import Meter
from brokerless.reporting import print_error, run_and_report
from brokerless.runtime_dir import TaskFiles
from brokerless.signals import told_last
from brokerless.testing.output import captured_into
from brokerless.testing.transactions import usable_transactions
from brokerless.watch import order_of

if TYPE_CHECKING:
    from uuid import UUID

Status = TaskState.Status
EXIT_CODE_SHIFT = 8  # bits; of a wait status as wait(2) has it


def run_to_the_end(task: TaskState, *, capture_output: bool) -> BaseException | None:
    """Run a READY task in this thread, with all its attempts at once, and return what ended the last one.

    Nothing happens to a task that is READY no more. Raises what is for the test and not for the task: Ctrl-C, and
    whatever else is no `Exception` and no way for a command to end.
    """
    while True:
        attempt = Attempt.begin(task)
        if attempt is None:
            return None
        status = attempt.run(capture_output=capture_output)
        if attempt.error is not None and not _is_of_the_task(attempt.error):
            raise attempt.error
        if status != Status.READY:
            return attempt.error
        task = TaskState.objects.get(pk=task.pk)


def stop_running(task_id: UUID) -> None:
    """Have the command of a task raise TaskCancelled where it next says how far it is."""
    for attempt in _running:
        if attempt.task.pk == task_id:
            attempt.end.is_to_stop = True


_running: list[Attempt] = []


class Attempt:
    """One attempt at a task, from its claim to its end.

    error: what the command raised.
    """

    def __init__(self, task: TaskState) -> None:
        self.task = task
        self.error: BaseException | None = None
        self.end = InlineEnd(task)

    @classmethod
    def begin(cls, task: TaskState) -> Attempt | None:
        """Claim a task and adopt it; None if it is READY no more."""
        claimed = TaskState.objects.ready().filter(pk=task.pk).first()
        if claimed is None or not transitions.claim(claimed, host=host_name()):
            return None
        here = identify(os.getpid())
        own = {"name": claimed.command, "host": claimed.host, "monitor": here, "command": here}
        if not transitions.adopt(claimed.pk, claimed.lease, **own):
            return None
        return cls(TaskState.objects.get(pk=claimed.pk))

    def run(self, *, capture_output: bool) -> Status | None:
        """Run the command and write how it ended; return the task's status then."""
        files = TaskFiles(self.task.pk, self.task.lease)
        _running.append(self)
        try:
            with captured_into(files) if capture_output else nullcontext(), usable_transactions():
                exit_code = self._run_command()
        finally:
            _running.remove(self)
        found = outcome.of_command(
            (exit_code & 0xFF) << EXIT_CODE_SHIFT,
            self.end.reported,
            stop=outcome.cancelled() if self.end.was_to_stop else None,
            log_tail=files.log_tail(),
        )
        with told_last():
            status = attempts.settle(self.task, found, measured=self.end.measure(), is_repeatable=False)
            files.remove_temporary()
        return status

    def _run_command(self) -> int:
        # As JSON, which it is on its way to a process.
        order = json.loads(json.dumps(order_of(self.task)))
        own_pid = os.getpid()
        task = ordered_task(order, self.end)
        with running_inline(task):
            exit_code = run_and_report(
                task,
                self.end,
                execute=lambda: execute(order),
                show=self._show,
                when_decided=self.end.settle,
                is_whole=order["command"] == CALL_TASK,
            )
        if os.getpid() != own_pid:
            os._exit(exit_code)  # a fork that the command let run on to here is not to go on with the test
        return exit_code

    def _show(self, error: BaseException) -> None:
        self.error = error
        print_error(error)


class InlineEnd:
    """In the place of a `CommandEnd`: takes what the command tells its monitor."""

    def __init__(self, task: TaskState) -> None:
        self.is_to_stop = False
        self.was_to_stop = False
        self.reported: dict[str, Any] | None = None
        self.numbers = Numbers(self)
        self._task = task
        self._meter = Meter(self.numbers)
        self._notices = SaidNotices(task)

    def tell(self, kind: str, **values: Any) -> None:
        if kind == "outcome":
            self.reported = values
        elif kind == "progress":
            self._meter.describe(**values)
        elif kind == "notice":
            self.heed_stop()
            self._notices.add(**values)

    def renew_lease(self) -> None:
        self.heed_stop()
        if not transitions.beat(self._task.pk, self._task.lease, self.measure()).owned:
            raise LeaseLost("The task is no longer this process's: it has no further effect.")

    def measure(self) -> dict[str, Any]:
        """Return the row's fields of progress, and the notices.

        What the command uses cannot be told from what the test uses.
        """
        return self._meter.read() | self._notices.read()

    def heed_stop(self) -> None:
        """Raise TaskCancelled, once, if the task was asked to stop."""
        if self.is_to_stop and not self.was_to_stop:
            self.was_to_stop = True
            raise TaskCancelled

    def settle(self) -> None:
        """Heed that the command has ended: what it was asked for before counts, and nothing more is raised."""
        self.was_to_stop = self.is_to_stop


class Numbers(list):
    """The numbers of progress; a command that sets one heeds what it was asked for."""

    def __init__(self, end: InlineEnd) -> None:
        super().__init__([0] * (1 + max(CURRENT, TOTAL, STAGE)))
        self._end = end

    def __setitem__(self, index: Any, value: Any) -> None:
        self._end.heed_stop()
        super().__setitem__(index, value)


def _is_of_the_task(error: BaseException) -> bool:
    return isinstance(error, Exception | SystemExit | TaskCancelled)
