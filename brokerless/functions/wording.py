"""A call of a task function in words, for people who look at its row."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from brokerless.functions.command import CALL_TASK

if TYPE_CHECKING:
    from brokerless.models import TaskState

# Of a long value so many pieces are spelled, far more than a line of a page shows.
SHOWN = 200
ENCODER = json.JSONEncoder(ensure_ascii=False)


def function_path(task: TaskState) -> str:
    """Return the dotted path of the function that a task calls; an empty text for the task of a command."""
    if task.command != CALL_TASK:
        return ""
    return str(task.arguments[0] if task.arguments else task.options.get("path", ""))


def call_words(task: TaskState) -> str:
    """Return the call as one would write it: "recompute(7, language="en")"; what is long is cut."""
    options = task.options if isinstance(task.options, dict) else {}
    arguments, keywords = options.get("arguments"), options.get("keywords")
    words = [_spelled(value) for value in arguments[:SHOWN]] if isinstance(arguments, list) else []
    if isinstance(keywords, dict):
        words += [f"{name}={_spelled(value)}" for name, value in islice(keywords.items(), SHOWN)]
    return f"{function_path(task).rpartition('.')[2]}({', '.join(words)})"


def _spelled(value: object) -> str:
    """Return a value as JSON, or the beginning of it: a list of tasks is not to spell out megabytes."""
    return "".join(islice(ENCODER.iterencode(value), SHOWN))
