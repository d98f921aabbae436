"""From a row to the framework's `TaskResult`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from brokerless.exceptions import TaskCancelled
from brokerless.failures import FAILURES, TaskFailure
from brokerless.functions.command import CALL_TASK, DEFAULT_ALIAS
from brokerless.functions.framework import (
    InvalidTask,
    Task,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
)
from brokerless.functions.wording import function_path
from brokerless.models import TaskState

Status = TaskState.Status
# What the framework's four statuses are: it knows of no task that starts, was cancelled or got lost.
STATUSES = {
    Status.READY: TaskResultStatus.READY,
    Status.STARTING: TaskResultStatus.READY,
    Status.RUNNING: TaskResultStatus.RUNNING,
    Status.SUCCESSFUL: TaskResultStatus.SUCCESSFUL,
    Status.FAILED: TaskResultStatus.FAILED,
    Status.CANCELLED: TaskResultStatus.FAILED,
    Status.LOST: TaskResultStatus.FAILED,
}


def find_result(result_id: str, *, alias: str) -> TaskResult:
    """Return the result of that id, enqueued by the backend of that alias. Raises TaskResultDoesNotExist."""
    try:
        key = UUID(result_id)
    except (AttributeError, TypeError, ValueError):
        raise TaskResultDoesNotExist(result_id) from None
    state = TaskState.objects.filter(pk=key, command=CALL_TASK).first()
    if state is None or alias_of(state) != alias:
        raise TaskResultDoesNotExist(result_id)
    try:
        return result_of(state)
    except ImportError as error:
        raise TaskResultDoesNotExist(f"{result_id}, as its task is gone: {error}") from error


def result_of(state: TaskState, *, task: Task | None = None) -> TaskResult:
    """Return a row as the framework's result. Raises ImportError when there is no such task any more.

    task: the one that was enqueued, where that is known.
    """
    earlier = state.errors
    result = TaskResult(
        task=task or _task_of(state),
        id=str(state.pk),
        status=STATUSES[state.status],
        enqueued_at=state.created_at,
        started_at=_moment(earlier[0].get("started_at")) if earlier else state.started_at,
        last_attempted_at=state.started_at or (_moment(earlier[-1].get("started_at")) if earlier else None),
        finished_at=state.finished_at,
        args=state.options.get("arguments") or [],
        kwargs=state.options.get("keywords") or {},
        backend=alias_of(state),
        errors=errors_of(state),
        worker_ids=[entry.get("worker", "") for entry in earlier] + _current_workers(state),
    )
    if state.status == Status.SUCCESSFUL:
        object.__setattr__(result, "_return_value", state.result)  # frozen, and no argument of its constructor
    return result


def alias_of(state: TaskState) -> str:
    return state.options.get("backend") or DEFAULT_ALIAS


def errors_of(state: TaskState) -> list[TaskError]:
    """Return how each attempt failed, the last one's at the end."""
    found = [_error(each["type"], each.get("class", ""), each["title"], each["detail"]) for each in state.errors]
    if state.status == Status.CANCELLED:
        found.append(_as_error(path_of(TaskCancelled), "The task was cancelled.\n"))
    elif state.status in {Status.FAILED, Status.LOST}:
        found.append(_error(state.error_type, state.error_class, state.error_title, state.error_detail))
    return found


def path_of(class_: type) -> str:
    """Return the dotted path by which the framework names a class."""
    return f"{class_.__module__}.{class_.__qualname__}"


def _error(kind: str, class_path: str, title: str, detail: str) -> TaskError:
    """Return what an exception left, or a failure of another kind with the end of its log."""
    if class_path not in {"", path_of(TaskCancelled)}:
        return TaskError(exception_class_path=class_path, traceback=detail or f"{class_path}: {title}\n")
    return _as_error(path_of(FAILURES.get(kind, TaskFailure)), f"{title}\n{detail}")


def _as_error(class_path: str, text: str) -> TaskError:
    return TaskError(exception_class_path=class_path, traceback=f"{class_path}: {text}")


def _task_of(state: TaskState) -> Task:
    """Return the task as it was enqueued, or as it is declared if its backend would refuse that by now."""
    path = function_path(state)
    task = import_string(path)
    if not isinstance(task, Task):
        raise ImportError(f"{path} is no task")
    # As it was asked for: on the row it is by now the end of the pause before another attempt.
    run_after = _moment(state.errors[0].get("run_after")) if state.errors else state.run_after
    try:
        return task.using(
            priority=state.priority, queue_name=state.queue, run_after=run_after, backend=alias_of(state)
        )
    except (InvalidTask, ImproperlyConfigured):
        return task


def _current_workers(state: TaskState) -> list[str]:
    return [state.worker] if state.started_at is not None else []


def _moment(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None
