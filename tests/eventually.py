"""Waiting in tests: for a condition, with a deadline, never for a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_PAUSE = 0.01  # seconds
# Generous, as a loaded machine may be slow; what must be quick says so with a `within` of its own.
WITHIN = 20.0  # seconds

Value = TypeVar("Value")


def eventually(condition: Callable[[], Value], *, within: float = WITHIN, why: str = "") -> Value:
    """Return the first true value of `condition()`. Raises AssertionError if there is none in time."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"Not so within {within:g} s: {why or condition}; last seen: {value!r}")
        time.sleep(POLL_PAUSE)
