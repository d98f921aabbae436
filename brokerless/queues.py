"""Queues: named kinds of tasks, each with a limit of its own and with defaults for what is launched in it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from brokerless.conf import settings
from brokerless.exceptions import UnknownQueue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT = "default"
HIGHEST_NICENESS = 19
LONGEST_TIMEOUT = 1e9  # seconds, some thirty years
# What a column holds; of attempts, as each leaves an entry on the row, what anybody can mean.
MOST = {"limit": 2**31 - 1, "memory_limit": 2**63 - 1, "max_attempts": 1000}
LONGEST_NAME = 100  # characters, as of TaskState.queue


@dataclass(frozen=True)
class Queue:
    """An entry of BROKERLESS["QUEUES"].

    limit: how many of its tasks may run at once on all hosts together; None for as many as the hosts take.
    The others are what a launch in it has by default: timeout in seconds, memory_limit in bytes, nice from 0 to
    19, max_attempts from 1 on.
    """

    limit: int | None = None
    timeout: float | None = None
    memory_limit: int | None = None
    nice: int = 0
    max_attempts: int = 1


ENTRIES = tuple(field.name for field in fields(Queue))
# Those of a task; the other one is a queue's own.
TASK_LIMITS = tuple(name for name in ENTRIES if name != "limit")


def get_queue(name: str) -> Queue:
    """Return the queue of that name. Raises UnknownQueue with the known ones."""
    if name != DEFAULT and name not in settings.QUEUES:
        known = ", ".join(sorted({DEFAULT, *settings.QUEUES}))
        raise UnknownQueue(f"There is no queue {name!r} in BROKERLESS['QUEUES']; the queues are: {known}.")
    return Queue(**settings.QUEUES.get(name, {}))


def queue_or_default(name: str, *, over: Mapping[str, Any]) -> Queue:
    """Return the queue of that name; the default one's limits if BROKERLESS["QUEUES"] has none of that name.

    over: what it has where neither of them says something else.
    """
    return Queue(**{**over, **settings.QUEUES.get(name, settings.QUEUES.get(DEFAULT, {}))})


def limit_of(name: str) -> int | None:
    """Return how many tasks of a queue may run at once.

    One that the settings no longer know, as its tasks were recorded before, has the default queue's limit.
    """
    return get_queue(name if name in settings.QUEUES else DEFAULT).limit


def is_any_limited() -> bool:
    """Tell whether any queue has a limit."""
    return any(entry.get("limit") is not None for entry in settings.QUEUES.values())


def problems() -> list[str]:
    """Return a sentence for every wrong entry of BROKERLESS["QUEUES"], which is known to be a dict."""
    found = []
    for name, entry in settings.QUEUES.items():
        if problem := name_problem(name):
            found.append(problem)
        elif not isinstance(entry, dict):
            found.append(f"QUEUES[{name!r}] is {entry!r}, but must be a dict.")
        else:
            problems = [_problem(key, value) for key, value in entry.items()]
            found += [f"QUEUES[{name!r}]: {problem}" for problem in problems if problem]
    return found


def name_problem(name: Any) -> str:
    """Return what is wrong with a queue's name in one sentence, or an empty text."""
    if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME:
        return ""
    return f"QUEUES: {name!r}: a name is a text of at most {LONGEST_NAME} characters."


def option_problems(options: Any) -> list[str]:
    """Return a sentence for every wrong entry of the limits that a backend of tasks has for all its queues."""
    if not isinstance(options, dict):
        return [f"OPTIONS is {options!r}, but must be a dict."]
    problems = [_problem(key, value, known=TASK_LIMITS) for key, value in options.items()]
    return [f"OPTIONS: {problem}" for problem in problems if problem]


def _problem(key: str, value: Any, *, known: Sequence[str] = ENTRIES) -> str:
    if key not in known:
        return f"there is no {key!r}; the entries are {', '.join(known)}."
    if value is None and key in {"limit", "timeout", "memory_limit"}:
        return ""
    return limit_problem(key, value)


def limit_problem(name: str, value: Any) -> str:
    """Return what is wrong with a limit of a task or a queue in one sentence, or an empty text."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if name == "timeout":
        is_time = (is_whole or isinstance(value, float)) and 0 < value <= LONGEST_TIMEOUT
        return "" if is_time else f"timeout is {value!r}, but must be seconds, more than 0."
    if not is_whole:
        return f"{name} is {value!r}, but must be a whole number."
    if name == "nice":
        is_nice = 0 <= value <= HIGHEST_NICENESS
        return "" if is_nice else f"nice is {value}, but must be from 0 to {HIGHEST_NICENESS}."
    if value < 1:
        return f"{name} is {value}, but must be at least 1."
    return "" if value <= MOST[name] else f"{name} is {value}, but must be at most {MOST[name]}."
