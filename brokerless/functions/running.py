"""Calling a task function as its framework has it: context, signals, and a result that can be stored."""

from __future__ import annotations

import logging
import os
import uuid
from contextlib import suppress
from inspect import iscoroutinefunction
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.utils import timezone
from django.utils.module_loading import import_string

from brokerless.arguments import as_json
from brokerless.exceptions import InvalidArguments, TaskCancelled
from brokerless.final_error import FINAL_ERRORS, FinalError
from brokerless.functions.coroutines import run_coroutine
from brokerless.functions.framework import (
    LOGGER,
    Task,
    TaskContext,
    TaskError,
    TaskResult,
    TaskResultStatus,
    normalize_json,
    task_backends,
    task_finished,
    task_started,
)
from brokerless.functions.results import path_of, result_of
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from brokerless.models import TaskState

logger = logging.getLogger(LOGGER)


def run_function(
    path: str, arguments: Sequence[Any], keywords: Mapping[str, Any], *, alias: str, state: TaskState | None = None
) -> Any:
    """Call the task function of a dotted path and return what it returned, as JSON.

    state: the row of the task that the call is; without it, as by hand, the framework's result is made up. Raises
    FinalError if there is no such function or backend; TypeError or ValueError when what it returned cannot be
    stored; and whatever it raises itself.
    """
    task, sender = _function_at(path), _backend_class(alias)
    result = result_of(state) if state else _made_up(task, arguments, keywords, alias)
    # Robust, as a listener that fails is no failure of the function.
    task_started.send_robust(sender, task_result=result)
    try:
        context = [TaskContext(task_result=result)] if task.takes_context else []
        value = _storable(task, _called(task, [*context, *arguments], keywords))
    except BaseException as error:
        _note_error(result, error)
        # In here, where listeners find the exception.
        if state is not None and _is_tried_again(state, error):
            _log_attempt(result, state, error)
        else:
            task_finished.send_robust(sender, task_result=result)
        raise
    _note_end(result, TaskResultStatus.SUCCESSFUL, _return_value=value)
    task_finished.send_robust(sender, task_result=result)
    return value


def _function_at(path: str) -> Task:
    try:
        found = import_string(path)
    except ImportError as error:
        raise FinalError(f"The task function {path} cannot be imported: {error}") from error
    if not isinstance(found, Task):
        raise FinalError(f"{path} is no function that @task has made.")
    return found


def _backend_class(alias: str) -> type:
    try:
        return type(task_backends[alias])
    except ImproperlyConfigured as error:
        raise FinalError(f"TASKS[{alias!r}] is no backend: {error}") from error


def _made_up(task: Task, arguments: Sequence[Any], keywords: Mapping[str, Any], alias: str) -> TaskResult:
    """Return a result for a call by hand, which has no row."""
    now = timezone.now()
    return TaskResult(
        task=task,
        id=str(uuid.uuid4()),
        status=TaskResultStatus.RUNNING,
        enqueued_at=now,
        started_at=now,
        last_attempted_at=now,
        finished_at=None,
        args=arguments,
        kwargs=keywords,
        backend=alias,
        errors=[],
        worker_ids=[f"by hand/{os.getpid()}"],
    )


def _called(task: Task, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    if iscoroutinefunction(task.func):
        return run_coroutine(task.acall(*arguments, **keywords))
    return task.call(*arguments, **keywords)


def _storable(task: Task, value: Any) -> Any:
    """Return what a function returned, as it is stored."""
    try:
        return as_json(normalize_json(value), "return value")
    except (InvalidArguments, TypeError, ValueError, RecursionError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"What {task.module_path} returned cannot be stored: {error}; return text, numbers, true, false, "
            "None, lists and dicts of these."
        ) from error


def _note_error(result: TaskResult, error: BaseException) -> None:
    found = TaskError(exception_class_path=path_of(type(error)), traceback="".join(format_exception(error)))
    _note_end(result, TaskResultStatus.FAILED, errors=[*result.errors, found])


def _note_end(result: TaskResult, status: TaskResultStatus, **others: Any) -> None:
    # The framework's results are frozen, and changed in this way by its own backends, too.
    for name, value in {"finished_at": timezone.now(), "status": status, **others}.items():
        object.__setattr__(result, name, value)


def _is_tried_again(state: TaskState, error: BaseException) -> bool:
    """Tell whether the monitor will make another attempt, as far as that is known here."""
    if state.attempt >= state.max_attempts or isinstance(error, FINAL_ERRORS):
        return False
    if isinstance(error, TaskCancelled):
        with suppress(Error):
            state.refresh_from_db(fields=["cancel_requested_at"])
        is_asked = state.cancel_requested_at or TaskFiles(state.pk, state.lease).read_cancel_request()
        return not is_asked
    return True


def _log_attempt(result: TaskResult, state: TaskState, error: BaseException) -> None:
    """Say what listeners are not told, as the task has not finished: an attempt failed, and others remain."""
    logger.warning(
        "Task id=%s path=%s attempt %s of %s failed; it is tried again",
        *(result.id, result.task.module_path, state.attempt, state.max_attempts),
        exc_info=error,
    )
