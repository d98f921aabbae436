"""From a task function and its arguments to the call of the management command that calls it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections, router
from django.utils.module_loading import import_string

from brokerless import queues
from brokerless.arguments import as_json
from brokerless.backend import ProcessBackend
from brokerless.call import Call, in_words
from brokerless.exceptions import InvalidArguments
from brokerless.functions.command import CALL_TASK, DEFAULT_ALIAS
from brokerless.functions.framework import InvalidTask, Task, normalize_json, task_enqueued
from brokerless.functions.results import alias_of, result_of
from brokerless.functions.wording import function_path
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class FunctionCall(Call):
    """A call of a task function."""

    task: Task

    def defaults(self) -> queues.Queue:
        """Return the limits of the task's queue, which the backend alone may know, over the backend's OPTIONS."""
        return queues.queue_or_default(self.queue, over=self.task.get_backend().limits)

    def recorded(self, task: TaskState) -> None:
        """Tell the framework's listeners; one that fails takes nothing back, unless it has spoilt the transaction.

        Raises its error then: the commit would be none, and nobody would be told.
        """
        sender = type(self.task.get_backend())
        answers = task_enqueued.send_robust(sender, task_result=result_of(task, task=self.task))
        if connections[router.db_for_write(TaskState)].in_atomic_block:
            for error in [answer for _, answer in answers if isinstance(answer, Error)]:
                raise error


def call_of(
    task: Task, arguments: Sequence[Any], keywords: Mapping[str, Any], wishes: Mapping[str, Any]
) -> FunctionCall:
    """Return the call of a task function.

    wishes: queue, priority and run_after instead of the task's own; None for these.
    Raises InvalidTask; InvalidArguments if it is none of this product's; TypeError or ValueError for arguments
    that cannot be stored as JSON.
    """
    if not isinstance(task, Task):
        raise InvalidArguments(f"Launch a command by its name, or a function that @task has made; not {task!r}.")
    # Validates it anew, too: the settings may be others than when it was made.
    task = task.using(queue_name=wishes["queue"], priority=wishes["priority"], run_after=wishes["run_after"])
    backend = task.get_backend()
    if not isinstance(backend, ProcessBackend):
        path = f"{type(backend).__module__}.{type(backend).__qualname__}"
        raise InvalidArguments(
            f"The task {task.module_path} is for {path}: have TASKS[{task.backend!r}] name "
            "brokerless.backend.ProcessBackend, or enqueue it."
        )
    _check_path(task)
    options = {
        "arguments": _stored(list(arguments), "arguments"),
        "keywords": _stored(dict(keywords), "keyword arguments"),
        "backend": task.backend if task.backend != DEFAULT_ALIAS else "",
    }
    return FunctionCall(
        command=CALL_TASK,
        arguments=[task.module_path],
        options={name: value for name, value in options.items() if value},
        title=in_words(task.name),
        queue=task.queue_name,
        priority=int(task.priority),
        run_after=task.run_after,
        task=task,
    )


def call_again(state: TaskState) -> FunctionCall:
    """Return the call that a row records, in order to make it again.

    Raises InvalidArguments when its function is gone, or would no longer be enqueued so.
    """
    path = function_path(state)
    wishes = {"queue": state.queue, "priority": state.priority, "run_after": None}
    values = state.options.get("arguments") or [], state.options.get("keywords") or {}
    try:
        task = import_string(path)
        if not isinstance(task, Task):
            raise InvalidArguments(f"{path} is no function that @task has made.")
        call = call_of(task.using(backend=alias_of(state)), *values, wishes)
    except ImportError as error:
        raise InvalidArguments(f"The task function {path} cannot be imported: {error}") from error
    except (InvalidTask, ImproperlyConfigured) as error:
        raise InvalidArguments(f"The task function {path} cannot be enqueued as it was: {error}") from error
    return replace(call, arguments=state.arguments, options=state.options)


def _stored(value: Any, what: str) -> Any:
    try:
        return as_json(normalize_json(value), what)
    except RecursionError as error:
        raise ValueError(f"The {what} are nested too deeply to be stored.") from error


def _check_path(task: Task) -> None:
    """Raise InvalidTask unless the process of the task will find it by its path."""
    try:
        found = import_string(task.module_path)
    except ImportError as error:
        raise InvalidTask(f"Another process cannot import the task {task.module_path}: {error}") from error
    if getattr(found, "func", None) is not task.func:
        raise InvalidTask(
            f"Another process would find {found!r} at {task.module_path}: the task must have its function's name."
        )
    if task.func.__module__ == "__main__":
        raise InvalidTask(f"The task {task.name} is defined in a script: move it to a module of its own.")
