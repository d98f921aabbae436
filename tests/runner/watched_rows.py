"""Watching every single UPDATE of a status: along which arrow, and what it did to the rest of the row."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from django.db import OperationalError
from django.utils import timezone

from brokerless import queues, reap, transitions
from brokerless.conf import settings
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    Rows = dict[UUID, dict[str, Any]]

Status = TaskState.Status
# The table of `brokerless.transitions`: each arrow with the function that may take it.
ARROWS = {
    (Status.READY, Status.STARTING): {"claim"},
    (Status.STARTING, Status.RUNNING): {"adopt"},
    (Status.STARTING, Status.READY): {"put_back"},
    (Status.READY, Status.CANCELLED): {"request_cancel"},
    (Status.STARTING, Status.CANCELLED): {"request_cancel"},
    (Status.STARTING, Status.FAILED): {"finish"},
    (Status.RUNNING, Status.SUCCESSFUL): {"finish"},
    (Status.RUNNING, Status.FAILED): {"finish"},
    (Status.RUNNING, Status.CANCELLED): {"finish"},
    (Status.RUNNING, Status.LOST): {"finish", "give_up"},
    (Status.RUNNING, Status.READY): {"try_again"},
}
FUNCTIONS = (
    *("claim", "note_process", "adopt", "finish", "try_again", "put_back"),
    *("request_cancel", "note_cancel_request", "mark_stale", "give_up", "note_cleared"),
)
# What an UPDATE is judged by; of the rest of the row its version tells that it has changed.
COMPARED = (
    *("id", "status", "lease", "attempt", "claims_in_vain", "version", "errors", "unique_key"),
    *("cancel_requested_at", "run_after", "monitor_pid"),
)


class WatchedRows:
    """Stands between the transitions and their UPDATEs; asserts what must be true of each.

    faults: what befalls the next UPDATEs, one each: None, "lost reply" (done, but zero rows are told), "error"
    (done, but an error is raised), or something to do at the last moment before.
    """

    def __init__(self, replace: Callable[[object, str, object], None]) -> None:
        self.faults: list[Any] = []
        self.actor = "nobody"
        self.keys: dict[UUID, str] = {}
        self.arrows: Counter[tuple[str, str]] = Counter()
        self._told_finished: dict[UUID, set[str]] = defaultdict(set)
        self._told_adopted: dict[tuple[UUID, int], set[int]] = defaultdict(set)
        self._functions: list[tuple[str, int | None]] = []  # with the lease that each was called with
        self._real_update = transitions._update
        replace(transitions, "_update", self._update)
        for name in FUNCTIONS:
            replace(transitions, name, self._named(name, getattr(transitions, name)))
        self.latest: Rows = {}

    def act_as(self, actor: str, act: Callable[[], Any]) -> Any:
        """Do something as somebody; an error of the database ends it, as it would end a process."""
        before, self.actor = self.actor, actor
        stack, self._functions = self._functions, []
        try:
            return act()
        except OperationalError:
            return None
        finally:
            self.actor, self._functions = before, stack

    def told_finished(self) -> set[UUID]:
        """Return the tasks of which somebody was told to have finished them."""
        return {pk for pk in self.latest if self._told_finished[pk]}

    def look(self) -> None:
        """Assert what must be true at any time, and of what has changed since the last look."""
        now = read_rows()
        for pk, row in self.latest.items():
            if row["status"] in TaskState.FINISHED:
                assert _without_note(now[pk]) == _without_note(row), "a finished task has changed"
            assert now[pk]["lease"] >= row["lease"]
            assert now[pk]["errors"][: len(row["errors"])] == row["errors"]
        for row in now.values():
            self._look_at(row)
        self._count(now)
        self.latest = now

    def _named(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            self._functions.append((name, _lease_of(name, arguments)))
            try:
                told = function(*arguments, **keywords)
            finally:
                self._functions.pop()
            self._note_told(name, arguments, keywords, told)
            return told

        return call

    def _note_told(self, name: str, arguments: tuple, keywords: dict[str, Any], told: Any) -> None:
        pk = getattr(arguments[0], "pk", arguments[0])
        is_end = name in {"finish", "give_up"} or (name == "request_cancel" and told != Status.RUNNING)
        if is_end and told:
            self._told_finished[pk].add(self.actor)
            assert len(self._told_finished[pk]) == 1, f"several have finished it: {self._told_finished[pk]}"
        if name == "adopt" and told:
            monitors = self._told_adopted[pk, arguments[1]]
            monitors.add(keywords["monitor"].pid)
            assert len(monitors) == 1, "two monitors own one lease"

    def _update(self, where: dict[str, Any], **changes: Any) -> bool:
        function, lease = self._functions[-1]
        fault = self.faults.pop(0) if self.faults else None
        if callable(fault):
            fault()
        before = read_rows(*COMPARED)
        changed = self._real_update(where, **changes)
        after = read_rows(*COMPARED)
        assert changed == (before != after), "it says that it changed a row, and did not, or the other way round"
        for pk, row in after.items():
            if row != before[pk]:
                assert lease in (None, before[pk]["lease"]), f"{function} under a lease that is over"
                self._compare(function, before[pk], row)
        # A claim is a part of a transaction: what gets no answer there is undone.
        if fault == "error" or (fault == "lost reply" and function == "claim"):
            raise OperationalError("the connection was cut")
        return changed and fault != "lost reply"

    def _compare(self, function: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        arrow = old["status"], new["status"]
        if function == "note_cleared":
            assert (old | {"version": new["version"]}, new["status"]) == (new, Status.LOST)
            return
        assert old["status"] not in TaskState.FINISHED, f"{function} has changed a finished task"
        assert new["version"] > old["version"]
        assert old["cancel_requested_at"] is None or new["cancel_requested_at"] == old["cancel_requested_at"]
        assert new["unique_key"] in (old["unique_key"], None)
        if arrow[0] != arrow[1]:
            assert function in ARROWS.get(arrow, ()), f"{function}: {' → '.join(arrow)}"
            self.arrows[arrow] += 1
        assert new["lease"] == old["lease"] + (function == "claim")
        assert new["attempt"] == old["attempt"] + (function == "adopt")
        assert new["errors"][: len(old["errors"])] == old["errors"]
        assert len(new["errors"]) == len(old["errors"]) + (function == "try_again")
        if function == "try_again":
            assert new["cancel_requested_at"] is None, "tried again although it was to stop"
            assert new["run_after"] > timezone.now()
            assert new["monitor_pid"] is None
        if function == "put_back":
            assert old["monitor_pid"] is None, "put back although it has a process"
            assert new["claims_in_vain"] == old["claims_in_vain"] + 1
        if function == "claim":
            assert old["run_after"] is None or old["run_after"] <= timezone.now()

    def _look_at(self, row: dict[str, Any]) -> None:
        is_finished = row["status"] in TaskState.FINISHED
        assert row["unique_key"] == (None if is_finished else self.keys.get(row["id"]))
        assert (row["finished_at"] is not None) == is_finished
        assert row["attempt"] <= row["max_attempts"]
        assert len(row["errors"]) <= max(0, row["max_attempts"] - 1)
        assert row["claims_in_vain"] < reap.CLAIMS_LIMIT
        assert row["status"] != Status.CANCELLED or row["cancel_requested_at"] is not None
        assert row["status"] != Status.RUNNING or row["monitor_pid"] is not None
        assert row["host"] or row["status"] not in TaskState.ACTIVE

    def _count(self, rows: Rows) -> None:
        active = [row for row in rows.values() if row["status"] in TaskState.ACTIVE]
        for host, number in Counter(row["host"] for row in active).items():
            assert number <= settings.MAX_PROCESSES, f"{number} tasks on {host}"
        for queue, number in Counter(row["queue"] for row in active).items():
            assert number <= (queues.limit_of(queue) or number), f"{number} tasks of {queue}"
        held = [row["unique_key"] for row in rows.values() if row["unique_key"]]
        assert len(held) == len(set(held))


def _lease_of(name: str, arguments: tuple) -> int | None:
    """Return the lease under which a transition is to act; a request to cancel needs none."""
    if name == "request_cancel":
        return None
    return arguments[1] if name in {"adopt", "finish"} else arguments[0].lease


def _without_note(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what may still change when a task is finished: whether its host has cleared up after it."""
    return {name: value for name, value in row.items() if name not in {"stale_since", "version"}}


def read_rows(*names: str) -> Rows:
    """Return every row by its id: all of it, or the columns of these names."""
    return {row["id"]: row for row in TaskState.objects.values(*names)}
