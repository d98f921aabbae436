"""Run any Django management command in the background, with no broker and no worker to operate."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from brokerless.exceptions import (
    BrokerlessError,
    InvalidArguments,
    LeaseLost,
    TaskCancelled,
    TooManyTasks,
    UnknownCommand,
    UnknownQueue,
)

if TYPE_CHECKING:
    from brokerless.arguments import json_value
    from brokerless.current import CurrentTask, current_task
    from brokerless.final_error import FinalError
    from brokerless.launching import alaunch, launch
    from brokerless.progress import track

__all__ = [
    "BrokerlessError",
    "CurrentTask",
    "FinalError",
    "InvalidArguments",
    "LeaseLost",
    "TaskCancelled",
    "TooManyTasks",
    "UnknownCommand",
    "UnknownQueue",
    "alaunch",
    "current_task",
    "json_value",
    "launch",
    "track",
]

_HOMES = {
    "CurrentTask": "brokerless.current",
    "FinalError": "brokerless.final_error",
    "alaunch": "brokerless.launching",
    "current_task": "brokerless.current",
    "json_value": "brokerless.arguments",
    "launch": "brokerless.launching",
    "track": "brokerless.progress",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: models may not be imported before Django is set up."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
