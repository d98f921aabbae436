"""How far a command is: said by the command, measured by its monitor, drawn as a bar in a terminal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from brokerless.arguments import storable
from brokerless.channel import CURRENT, STAGE, TOTAL, UNKNOWN
from brokerless.current import current_task, is_in_background

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from brokerless.channel import CommandEnd

# The weight of the newest second in the smoothed rate: half of what is shown is from the last two seconds.
SMOOTHING = 0.3
# Over less than this, as at an early beat or at the end, a rate is noise.
SHORTEST_INTERVAL = 0.5  # seconds
# Before a stage has run this long its rate says little of what is to come.
MEANINGFUL_AFTER = 2.0  # seconds

Item = TypeVar("Item")


def track(
    iterable: Iterable[Item],
    *,
    total: int | None = None,
    unit: str = "items",
    message: str = "",
    size: Callable[[Item], int] | None = None,
    quiet: bool = False,
) -> Iterator[Item]:
    """Yield the items of `iterable` and report after each how many are done.

    In a task the number goes to the task's row (see `CurrentTask.progress`). By hand, when standard error is
    a terminal, a bar is drawn with tqdm if that is installed.

    total: how many items there will be; None takes `len(iterable)` if it has one, else it stays unknown.
    unit: what the items are, in the plural ("books"). message: the stage, in the user's words.
    size: how many items one element stands for, for an iterable of batches (`len`); by default one.
    quiet: draw no bar (for `--verbosity 0`); a task's progress is reported all the same.
    """
    if total is None and size is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    task = current_task()
    if task is not None:
        iterable = task.progress.over(iterable, total=total, unit=unit, message=message, size=size)
    if quiet or is_in_background() or not sys.stderr.isatty():
        return iter(iterable)
    return _bar(iterable, total, unit, message, size)


def _bar(
    iterable: Iterable[Item], total: int | None, unit: str, message: str, size: Callable[[Item], int] | None
) -> Iterator[Item]:
    try:
        from tqdm import tqdm  # some 50 ms of import: only when a bar is drawn
    except ImportError:
        yield from iterable
        return
    # The terminal itself: what rewrites its line is nothing for the log of a recorded run.
    terminal = getattr(sys.stderr, "terminal", sys.stderr)
    with tqdm(total=total, unit=f" {unit}", desc=message or None, dynamic_ncols=True, file=terminal) as bar:
        for item in iterable:
            yield item
            bar.update(1 if size is None else size(item))


class Reporter:
    """The command's side: sets numbers in memory that its monitor reads once a second."""

    def __init__(self, end: CommandEnd) -> None:
        self._end = end
        self._numbers = end.numbers

    def start(self, *, total: int | None = None, unit: str = "items", message: str = "") -> None:
        """Begin a stage: so many items, of which none is done."""
        # A lazy translation is what a model calls its rows.
        self._end.tell("progress", unit=str(unit or ""), message=str(message or ""))
        self._numbers[CURRENT] = 0
        self._numbers[TOTAL] = UNKNOWN if total is None else total
        self._numbers[STAGE] += 1

    def update(self, current: int) -> None:
        """Say how many items are done."""
        self._numbers[CURRENT] = current

    def over(
        self,
        iterable: Iterable[Item],
        *,
        total: int | None,
        unit: str,
        message: str,
        size: Callable[[Item], int] | None = None,
    ) -> Iterator[Item]:
        """Begin a stage and yield the items of `iterable`, counting each when the next one is asked for."""
        self.start(total=total, unit=unit, message=message)
        numbers = self._numbers
        done = 0
        for item in iterable:
            yield item
            done += 1 if size is None else size(item)
            numbers[CURRENT] = done


@dataclass
class Meter:
    """The monitor's side: reads the numbers and smooths the rate, which starts anew with every stage."""

    numbers: memoryview
    unit: str = ""
    message: str = ""
    rate: float | None = None
    _stage: int = 0
    _stage_began: float = 0.0
    _last_time: float = 0.0
    _last_current: int = 0

    def describe(self, *, unit: str, message: str) -> None:
        """Take over the words of a stage, cut to what the row holds and free of what a database refuses."""
        self.unit, self.message = storable(unit)[:50], storable(message)[:200]

    def read(self) -> dict[str, int | float | str | None]:
        """Return the row's fields of progress; empty before the first stage."""
        current, total, stage = self.numbers[CURRENT], self.numbers[TOTAL], self.numbers[STAGE]
        if stage == 0:
            return {}
        self._measure(current, stage, time.monotonic())
        return {
            "progress_current": current,
            "progress_total": None if total == UNKNOWN else total,
            "progress_unit": self.unit,
            "progress_message": self.message,
            "progress_rate": self.rate,
        }

    def _measure(self, current: int, stage: int, now: float) -> None:
        if stage != self._stage:
            self._stage, self._stage_began, self.rate = stage, now, None
        elif now - self._last_time < SHORTEST_INTERVAL:
            return
        else:
            newest = max(0, current - self._last_current) / (now - self._last_time)
            settled = self.rate is not None and now - self._stage_began > MEANINGFUL_AFTER
            self.rate = SMOOTHING * newest + (1 - SMOOTHING) * self.rate if settled else newest
        self._last_time, self._last_current = now, current


def eta_seconds(current: int | None, total: int | None, rate: float | None) -> int | None:
    """Return how many seconds the rest will take at this rate; None when nobody can tell yet."""
    if current is None or total is None or not rate or current >= total:
        return None
    return round((total - current) / rate)
