"""For a site's own tests: tasks run in the test's process and thread, within `launch()`; see docs/testing.md."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from django.db import router, transaction
from django.utils import timezone

from brokerless import inline
from brokerless.exceptions import BrokerlessError
from brokerless.models import TaskState
from brokerless.testing.output import streams_by_task
from brokerless.testing.running import run_to_the_end, stop_running
from brokerless.testing.transactions import usable_transactions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["InlineTasks", "inline_tasks", "run_due_tasks"]


def inline_tasks(
    *, run: bool = True, at_commit: bool = False, raise_errors: bool = False, capture_output: bool = True
) -> InlineTasks:
    """Have launched tasks run in this process and thread until the block ends; a context manager.

    run: false to record them only; they stay READY until `run_due_tasks()`. at_commit: run each at the commit of
    the transaction that launched it, in a `TestCase` at the end of its `captureOnCommitCallbacks(execute=True)`;
    by default within `launch()`, whatever transaction there is. raise_errors: have `launch()` raise what ended a
    task FAILED, once its row says so. capture_output: write what the command prints to the task's log, which
    is removed with the block; else it is printed.
    """
    return InlineTasks(run=run, at_commit=at_commit, raise_errors=raise_errors, capture_output=capture_output)


def run_due_tasks(*, at: datetime | None = None) -> list[TaskState]:
    """Run the READY tasks that have their time, within `inline_tasks()`, and return their rows.

    By priority, then age, as dispatching does. at: an aware datetime, to have it be then; only for `run_after`.
    Raises BrokerlessError outside of `inline_tasks()`; with its `raise_errors` what a task raised.
    """
    tasks = inline.substitute()
    if not isinstance(tasks, InlineTasks):
        raise BrokerlessError("There is nothing to run tasks in: use run_due_tasks() within inline_tasks().")
    return tasks.run_due(at=at)


class InlineTasks:
    """What `inline_tasks()` returns: a context manager that gives itself.

    launched: the rows that were launched since its start, in this order, as they were returned; those that another
    task launched too, and no row twice that was joined. What it was made with can be changed as long as it is
    active: `run`, `is_at_commit`, `raise_errors`, `capture_output`.
    """

    def __init__(self, *, run: bool, at_commit: bool, raise_errors: bool, capture_output: bool) -> None:
        self.run = run
        self.is_at_commit = at_commit
        self.raise_errors = raise_errors
        self.capture_output = capture_output
        self.launched: list[TaskState] = []
        self._end: ExitStack | None = None
        self.runtime_directory = Path()

    def __enter__(self) -> Self:
        if self._end is not None:
            raise BrokerlessError("These inline tasks are entered already: nest another `inline_tasks()` instead.")
        with ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="brokerless-"))
            self.launched, self.runtime_directory = [], Path(directory)
            stack.enter_context(streams_by_task())
            stack.enter_context(inline.substituted(self))
            self._end = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        end, self._end = self._end, None
        end.close()

    def see_to(self, task: TaskState) -> None:
        """Run a task that was recorded just now, as soon as that is wanted."""
        self.launched.append(task)
        if not self.run or (task.run_after is not None and task.run_after > timezone.now()):
            return
        if self.is_at_commit:
            # Not robust: what is to be raised is for the test.
            transaction.on_commit(partial(self._run, task), using=router.db_for_write(TaskState))
        else:
            self._run(task)

    def stop(self, task: TaskState) -> None:
        """Have the command of a task raise TaskCancelled where it next says how far it is."""
        stop_running(task.pk)

    def tell(self, listeners: Callable[[], None]) -> None:
        """Call listeners; one whose statement fails is not to spoil the test's transaction."""
        with usable_transactions():
            listeners()

    def run_due(self, *, at: datetime | None = None) -> list[TaskState]:
        """Do as `run_due_tasks()` does."""
        then = at or timezone.now()
        seen: list[TaskState] = []
        # One by one: a task may launch, or cancel, others.
        while task := self._next_due(then, seen):
            seen.append(task)
            self._run(task)
        return seen

    def _next_due(self, then: datetime, seen: list[TaskState]) -> TaskState | None:
        ready = TaskState.objects.ready().exclude(pk__in=[task.pk for task in seen])
        due = ready.exclude(run_after__gt=then)
        return due.order_by("-priority", "created_at", "pk").first()

    def _run(self, task: TaskState) -> None:
        error = run_to_the_end(task, capture_output=self.capture_output)
        task.refresh_from_db()
        if error is not None and self.raise_errors and task.status == TaskState.Status.FAILED:
            raise error
