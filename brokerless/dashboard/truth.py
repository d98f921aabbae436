"""Bringing the rows of a list to the truth because somebody looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless.tick import look_after, may_be_wrong

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brokerless.models import TaskState


def look_after_all(tasks: Iterable[TaskState]) -> list[TaskState]:
    """Return tasks as they are now; where nothing is wrong that costs no query."""
    return [look_after(task) if may_be_wrong(task) else task for task in tasks]
