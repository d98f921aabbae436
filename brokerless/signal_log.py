"""The lifecycle of tasks in the log: one line for each signal, as `key=value`, by the logger `brokerless.tasks`.

All at level INFO. Without what a task was called with, and without the text of its error: both may be personal.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

from brokerless import signals
from brokerless.functions.wording import function_path

if TYPE_CHECKING:
    from datetime import datetime

    from brokerless.models import TaskState

logger = logging.getLogger("brokerless.tasks")

# What needs no quotes wherever such lines are read.
PLAIN = re.compile(r"[\w.:/@+,-]+", re.ASCII)


def connect() -> None:
    """Log from now on; done at the start of a process whose LOGGING lets the logger's INFO through."""
    signals.task_launched.connect(_log_launched, dispatch_uid=__name__)
    signals.task_started.connect(_log_started, dispatch_uid=__name__)
    signals.task_finished.connect(_log_finished, dispatch_uid=__name__)


def disconnect() -> None:
    for signal in (signals.task_launched, signals.task_started, signals.task_finished):
        signal.disconnect(dispatch_uid=__name__)


def as_line(values: dict[str, Any]) -> str:
    """Write values as `key=value`, without those that are None or empty.

    A value with anything but ASCII letters, digits and .:/@+,-_ is quoted and escaped as in JSON.
    """
    return " ".join(f"{name}={_spelled(value)}" for name, value in values.items() if value not in (None, ""))


def _spelled(value: Any) -> str:
    text = str(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text)


def _log_launched(task: TaskState, **_: Any) -> None:
    values = {"queue": task.queue, "priority": task.priority, "run_after": _moment(task.run_after)}
    values["retry_of"] = task.retry_of_id
    _log(task, "launched", values)


def _log_started(task: TaskState, **_: Any) -> None:
    values = {"attempt": task.attempt, "queue": task.queue, "worker": task.worker}
    since = max(filter(None, (task.created_at, task.run_after)))
    values["waited"] = _seconds(since, task.started_at)
    _log(task, "started", values)


def _log_finished(task: TaskState, **_: Any) -> None:
    values = {
        "status": task.status,
        "attempt": task.attempt,
        "queue": task.queue,
        "worker": task.worker if task.attempt else "",
        "duration": _seconds(task.started_at, task.finished_at),
        "cpu": task.cpu_seconds,
        "peak_memory": task.peak_memory,
        "exit_code": task.exit_code,
        "signal": task.exit_signal,
        "error": task.error_type,
    }
    _log(task, "finished", values)


def _log(task: TaskState, event: str, values: dict[str, Any]) -> None:
    about = {"task": task.pk, "event": event, "command": task.command, "function": function_path(task)}
    logger.info("%s", as_line(about | values))


def _seconds(began: datetime | None, ended: datetime | None) -> float | None:
    if began is None or ended is None:
        return None
    return round(max(0.0, (ended - began).total_seconds()), 3)


def _moment(moment: datetime | None) -> str | None:
    return moment and moment.isoformat()
