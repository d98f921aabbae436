"""`track()`: a bar in a terminal, the row's progress in a task, nothing elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

from brokerless.current import current_task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")


def track(
    iterable: Iterable[Item],
    *,
    total: int | None = None,
    unit: str = "items",
    message: str = "",
    quiet: bool = False,
) -> Iterator[Item]:
    """Yield the items of `iterable` and report after each how many are done.

    In a task the number goes to the task's row (see `CurrentTask.progress`). By hand, when standard error is
    a terminal, a bar is drawn with tqdm if that is installed.

    total: how many items there will be; None takes `len(iterable)` if it has one, else it stays unknown.
    unit: what the items are, in the plural ("books"). message: the stage, in the user's words.
    quiet: draw no bar (for `--verbosity 0`); a task's progress is reported all the same.
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    task = current_task()
    if task is not None:
        return task.progress.over(iterable, total=total, unit=unit, message=message)
    if quiet or not sys.stderr.isatty():
        return iter(iterable)
    return _bar(iterable, total, unit, message)


def _bar(iterable: Iterable[Item], total: int | None, unit: str, message: str) -> Iterator[Item]:
    try:
        from tqdm import tqdm  # some 50 ms of import: only when a bar is drawn
    except ImportError:
        return iter(iterable)
    return iter(tqdm(iterable, total=total, unit=f" {unit}", desc=message or None, dynamic_ncols=True))
