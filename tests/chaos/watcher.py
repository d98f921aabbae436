"""Looks many times a second at which commands live, and at how soon the rows say so when they do not."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from django.db import Error, connections

from brokerless.models import TaskState
from tests.chaos.history import Attempt, Span
from tests.chaos.plan import LIMITS, LOST_AFTER, MAX_PROCESSES

if TYPE_CHECKING:
    from tests.chaos.history import History, Start
    from tests.chaos.ledger import LedgerReader

INTERVAL = 0.02  # seconds
ROWS_INTERVAL = 0.05
# How long a monitor that was stopped past its lease may take to end its command once it goes on.
RECOVERY = 3.0
# What a row says of a task that another host gave up.
SILENT = "Nothing has been heard from"
Group = tuple[str, str]


class Watcher(threading.Thread):
    """Reads the ledger and counts the living commands: of each host, queue, unique key and task."""

    def __init__(self, reader: LedgerReader, history: History, truth: Truth) -> None:
        super().__init__(name="watcher", daemon=True)
        self.living: list[Start] = []
        self.over_limit: dict[Group, str] = {}
        self.longest_gap = 0.0  # seconds between two looks: how busy the machine was
        self._looked_at = time.monotonic()
        self._reader = reader
        self._history = history
        self._truth = truth
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            self.look()

    def end(self) -> None:
        self._stopping.set()
        self.join()
        self.look()

    def look(self) -> None:
        """Read first and look at the processes then: what is found alive was alive at once, at the first look."""
        begun = [start for entry in self._reader.read() if (start := self._history.add(entry))]
        living = []
        for start in [*self.living, *begun]:
            if start.process.is_alive:
                living.append(start)
            else:
                self._truth.expect(start.attempt)
        self.living = living
        now = time.monotonic()
        self.longest_gap, self._looked_at = max(self.longest_gap, now - self._looked_at), now
        self._count()

    def _count(self) -> None:
        counted = [start for start in self.living if not self._is_given_up(start)]
        groups = Counter(group for start in counted for group in _groups(start))
        # A task never has two commands, whatever became of its monitor.
        groups += Counter(("task", start.attempt.task) for start in self.living)
        for group, number in groups.items():
            if number > _limit(group):
                self.over_limit.setdefault(group, f"{number} at once: {self._describe(group)}")

    def _is_given_up(self, start: Start) -> bool:
        """Tell whether the command is one that others have given up, or may have, which therefore takes no place.

        What cannot be promised: its monitor is stopped, or cannot reach the database, and so does not end it yet.
        """
        return start.attempt in self._truth.given_up or self._history.is_beyond_its_lease(
            start.attempt, lost_after=LOST_AFTER, recovery=RECOVERY
        )

    def _describe(self, group: Group) -> str:
        return (
            ", ".join(
                f"{start.attempt.task}:{start.attempt.lease} (pid {start.process.pid}, begun {start.at:.3f})"
                for start in self.living
                if group in [*_groups(start), ("task", start.attempt.task)]
            )
            + f" at {time.monotonic():.3f}"
        )


def _groups(start: Start) -> list[Group]:
    groups = [("host", start.host), ("queue", start.queue)]
    return [*groups, ("unique key", start.key)] if start.key else groups


def _limit(group: Group) -> float:
    kind, name = group
    if kind == "host":
        return MAX_PROCESSES
    return LIMITS.get(name, float("inf")) if kind == "queue" else 1


class Truth(threading.Thread):
    """Asks the rows: how long they call an attempt active that is gone, and how many are active at once."""

    def __init__(self, history: History) -> None:
        super().__init__(name="truth", daemon=True)
        self.longest = 0.0
        self.longest_of = ""
        self.too_many_rows: dict[Group, str] = {}
        self.given_up: set[Attempt] = set()
        self._history = history
        self._gone: dict[Attempt, float] = {}
        self._stopping = threading.Event()

    def expect(self, attempt: Attempt) -> None:
        """Await that the row no longer calls an attempt active, of which a process is gone from now on."""
        self._gone.setdefault(attempt, time.monotonic())

    def run(self) -> None:
        try:
            while not self._stopping.wait(ROWS_INTERVAL):
                self._look_safely()
        finally:
            connections.close_all()

    def end(self) -> None:
        self._stopping.set()
        self.join()

    def _look_safely(self) -> None:
        try:
            self._look()
        except Error:
            connections.close_all()

    def _look(self) -> None:
        asked = dict(self._gone)
        rows = list(TaskState.objects.active().values_list("pk", "lease", "host", "queue"))
        now = time.monotonic()
        silent = TaskState.objects.filter(status=TaskState.Status.LOST, error_title__startswith=SILENT)
        self.given_up = {Attempt(str(pk), lease) for pk, lease in silent.values_list("pk", "lease")}
        active = {Attempt(str(pk), lease) for pk, lease, _, _ in rows}
        for attempt in asked.keys() - active:
            self._found(attempt, asked[attempt], now)
        for attempt in asked.keys() & active:
            self._measure(attempt, asked[attempt], now)
        groups = Counter(group for _, _, host, queue in rows for group in (("host", host), ("queue", queue)))
        for group, number in groups.items():
            if number > _limit(group):
                self.too_many_rows.setdefault(group, f"{number} rows at once at {now:.3f}")

    def _found(self, attempt: Attempt, gone_at: float, now: float) -> None:
        self._measure(attempt, gone_at, now)
        # Kept as known: the watcher may yet see another process of it gone.
        self._gone[attempt] = float("inf")

    def _measure(self, attempt: Attempt, gone_at: float, now: float) -> None:
        if gone_at == float("inf"):
            return
        lasted = now - gone_at - self._history.waited(attempt, Span(gone_at, now))
        if lasted > self.longest:
            self.longest, self.longest_of = lasted, f"{attempt.task}:{attempt.lease}"
