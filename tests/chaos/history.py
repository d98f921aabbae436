"""What is known of a run so far: the ledger, and what was done to the processes."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from brokerless.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

Entry = dict[str, Any]


class Attempt(NamedTuple):
    """An attempt at a task, as the lease names it."""

    task: str
    lease: int


@dataclass(frozen=True)
class Start:
    """A command that has begun."""

    attempt: Attempt
    number: int
    kind: str
    queue: str
    key: str
    host: str
    process: Process
    monitor: Process
    at: float
    wall: float

    @classmethod
    def read(cls, entry: Entry) -> Start:
        names = ("number", "kind", "queue", "key", "host", "at", "wall")
        return cls(
            attempt=_attempt(entry),
            process=Process(*entry["process"]),
            monitor=Process(*entry["monitor"]),
            **{name: entry[name] for name in names},
        )


class Span(NamedTuple):
    """From when until when something was so, on the monotonic clock."""

    begin: float
    end: float

    def overlap(self, other: Span) -> float:
        return max(0.0, min(self.end, other.end) - max(self.begin, other.begin))


@dataclass
class History:
    """Written to by the watcher (the ledger) and by the faults (the others); each list only ever grows."""

    starts: list[Start] = field(default_factory=list)
    effects: dict[Attempt, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    ends: set[Attempt] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    launched: list[Entry] = field(default_factory=list)
    actors_ready: set[tuple[str, int]] = field(default_factory=set)
    launchers_done: set[int] = field(default_factory=set)
    descendants: list[Process] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)
    done_to_them: Counter[str] = field(default_factory=Counter)
    touched: set[str] = field(default_factory=set)
    absences: list[Span] = field(default_factory=list)
    stops: dict[Attempt, list[Span]] = field(default_factory=lambda: defaultdict(list))

    def add(self, entry: Entry) -> Start | None:
        """Take an entry of the ledger in; return it if a command has begun."""
        what = entry["what"]
        if what == "start":
            self.starts.append(Start.read(entry))
            return self.starts[-1]
        if what == "effect":
            self.effects[_attempt(entry)].append(entry)
        else:
            takers = {
                "end": lambda: self.ends.add(_attempt(entry)),
                "cancel": lambda: self.cancelled.add(entry["task"]),
                "launched": lambda: self.launched.append(entry),
                "launcher": lambda: self.launchers_done.add(entry["number"]),
                "descendant": lambda: self.descendants.append(Process(entry["pid"], entry["start"])),
                "fault": lambda: self.done_to_them.update([entry["done"]]),
                "actor": lambda: self.actors_ready.add((entry["role"], entry["number"])),
                "temporary": lambda: self.temporary.append(entry["path"]),
            }
            takers[what]()
        return None

    @contextmanager
    def absence(self) -> Iterator[None]:
        """Note that the database is away for as long as the block lasts."""
        begin = time.monotonic()
        self.absences.append(Span(begin, float("inf")))
        yield
        self.absences[-1] = Span(begin, time.monotonic())

    @property
    def is_database_away(self) -> bool:
        return bool(self.absences) and self.absences[-1].end > time.monotonic()

    def was_database_away(self, begin: float, end: float) -> bool:
        """Tell whether it was, at any time between two moments on the wall's clock."""
        offset = time.time() - time.monotonic()
        asked = Span(begin - offset, end - offset)
        return any(absence.overlap(asked) > 0 for absence in self.absences)

    def waited(self, attempt: Attempt, span: Span) -> float:
        """Return how much of a span nobody could have used: the database was away, or the monitor stopped."""
        return sum(span.overlap(other) for other in [*self.absences, *self.stops[attempt]])

    def is_beyond_its_lease(self, attempt: Attempt, *, lost_after: float, recovery: float) -> bool:
        """Tell whether an attempt's monitor is, or just was, stopped for so long that others may give it up."""
        now = time.monotonic()
        return any(
            min(stop.end, now) - stop.begin > lost_after and now - stop.end < recovery
            for stop in self.stops[attempt]
        )


def _attempt(entry: Entry) -> Attempt:
    return Attempt(entry["task"], entry["lease"])
