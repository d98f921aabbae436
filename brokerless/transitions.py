"""Every change of a task's status: one conditional UPDATE each, and nowhere else.

Each is under the lease, but for the request to cancel, which is about the task and not about an attempt.

| from              | to        | function                                |
|-------------------|-----------|-----------------------------------------|
| READY             | STARTING  | `claim`                                 |
| – (run by hand)   | STARTING  | `brokerless.recording`                  |
| STARTING          | RUNNING   | `adopt`                                 |
| STARTING          | READY     | `put_back`                              |
| READY, STARTING   | CANCELLED | `request_cancel`                        |
| STARTING, RUNNING | finished  | `finish`                                |
| RUNNING           | READY     | `try_again`                             |
| RUNNING           | LOST      | `give_up`, from another host            |

Zero rows updated means that somebody was first, or that the reply of an own UPDATE was lost: the row is read
back, and the wanted state under the own lease counts as done. Whoever lost changes nothing more, and whoever
finished a task has its listeners told: see `brokerless.signals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import F
from django.db.models.functions import Now

from brokerless import signals
from brokerless.models import TaskState

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from brokerless.outcome import Outcome
    from brokerless.processes import Process

Status = TaskState.Status
# Where a caller's transaction sees no change of others (REPEATABLE READ), a finished task would be met for ever.
ROUNDS_LIMIT = 5
# What the next attempt begins with: nothing of the one before but the list of errors.
NOTHING_YET: dict[str, Any] = {
    "host": "",
    "monitor_pid": None,
    "monitor_start": None,
    "command_pid": None,
    "command_start": None,
    "claimed_at": None,
    "started_at": None,
    "heartbeat_at": None,
    "stale_since": None,
    "progress_current": None,
    "progress_total": None,
    "progress_unit": "",
    "progress_message": "",
    "progress_rate": None,
    "cpu_seconds": None,
    "peak_memory": None,
}


def claim(task: TaskState, *, host: str) -> bool:
    """READY → STARTING: take the next lease for this host. `task` is brought up to date."""
    changed = _update(
        {"pk": task.pk, "status": Status.READY, "lease": task.lease},
        status=Status.STARTING,
        lease=F("lease") + 1,
        host=host,
        claimed_at=Now(),
    )
    if changed:
        task.lease += 1
        task.status = Status.STARTING
        task.host = host
    return changed


def note_process(task: TaskState, process: Process) -> bool:
    """Note the process that was started for a claim, unless it has adopted the row already."""
    return _update(
        {"pk": task.pk, "status": Status.STARTING, "lease": task.lease, "monitor_pid": None},
        monitor_pid=process.pid,
        monitor_start=process.start,
    )


def adopt(task_id: UUID, lease: int, *, name: str, host: str, monitor: Process, command: Process) -> bool:
    """STARTING → RUNNING: the monitor takes the row, if it is of the command that the process was started for."""
    own = {"pk": task_id, "lease": lease, "command": name}
    changes = {
        "host": host,
        "monitor_pid": monitor.pid,
        "monitor_start": monitor.start,
        "command_pid": command.pid,
        "command_start": command.start,
    }
    return _update(
        own | {"status": Status.STARTING},
        status=Status.RUNNING,
        attempt=F("attempt") + 1,
        claims_in_vain=0,
        started_at=Now(),
        heartbeat_at=Now(),
        **changes,
    ) or _holds(own | {"status": Status.RUNNING}, changes)


class Beat(NamedTuple):
    """What a heartbeat learnt: whether the row is still its monitor's, and whether it is to stop."""

    owned: bool
    cancel_requested: bool


def beat(task_id: UUID, lease: int, measured: dict[str, Any]) -> Beat:
    """Renew the lease and store what is measured; say whether the task is still this monitor's."""
    running = TaskState.objects.filter(pk=task_id, lease=lease, status=Status.RUNNING)
    owned = running.update(heartbeat_at=Now(), stale_since=None, version=F("version") + 1, **measured) == 1
    return Beat(owned, owned and running.filter(cancel_requested_at__isnull=False).exists())


def finish(
    task_id: UUID,
    lease: int,
    outcome: Outcome,
    *,
    before: Status = Status.RUNNING,
    measured: dict[str, Any] | None = None,
    is_repeatable: bool = True,
    unless_cancelled: bool = False,
) -> bool:
    """RUNNING (or STARTING) → the outcome's final status.

    is_repeatable: the task is the caller's own, so that the wanted status can only be its own work. Of several
    that reap the same task one alone has finished it.
    unless_cancelled: change nothing if somebody has asked for the task to stop.
    """
    own = {"pk": task_id, "lease": lease}
    fields = outcome.fields()
    asked = {"cancel_requested_at": None} if unless_cancelled else {}
    is_written = _update(own | {"status": before} | asked, **_finished(), **fields, **(measured or {})) or (
        is_repeatable and _holds(own, {"status": fields["status"], "error_type": fields["error_type"]})
    )
    if is_written:
        # Of an UPDATE whose reply was lost nobody has been told: its transaction had no end here.
        signals.tell_finished(task_id)
    return is_written


def try_again(
    task: TaskState,
    *,
    errors: list[dict[str, Any]],
    pause: timedelta,
    said: dict[str, Any],
    is_repeatable: bool,
) -> bool:
    """RUNNING → READY, not before a pause: the attempt failed, and others remain; not if it is to be cancelled.

    errors: how all attempts ended so far. said: the fields of the notices, which another attempt adds to.
    is_repeatable: as of `finish`.
    """
    again = {"status": Status.READY, "errors": errors, "run_after": Now() + pause} | said
    if _update(_running(task) | {"cancel_requested_at": None}, **NOTHING_YET, **again):
        return True
    own = {"pk": task.pk, "lease": task.lease, "attempt": task.attempt}
    return is_repeatable and _holds(own, {"status": Status.READY})


def put_back(task: TaskState) -> bool:
    """STARTING → READY: whoever claimed the task ended before it had started anything for it."""
    return _update(
        {"pk": task.pk, "status": Status.STARTING, "lease": task.lease, "monitor_pid": None},
        status=Status.READY,
        claims_in_vain=F("claims_in_vain") + 1,
        host="",
        claimed_at=None,
    )


def request_cancel(task_id: UUID, *, by_id: Any) -> Status | None:
    """READY, STARTING → CANCELLED, or ask the monitor of a RUNNING one.

    by_id: the primary key of the user who asks; None for nobody known. Returns the status that was left or
    asked; None when the task is finished already.
    """
    request = {"cancel_requested_at": Now(), "cancel_requested_by_id": by_id}
    unfinished = TaskState.objects.unfinished().filter(pk=task_id)
    # A task that moves on meanwhile is met again by the next update; one that was put back, in the next round.
    for _ in range(ROUNDS_LIMIT):
        if not unfinished.exists():
            break
        for status in (Status.READY, Status.STARTING):
            if _update({"pk": task_id, "status": status}, status=Status.CANCELLED, **_finished(), **request):
                signals.tell_finished(task_id)
                return status
        running = {"pk": task_id, "status": Status.RUNNING}
        if _update(running | {"cancel_requested_at": None}, **request) or _holds(running, {}):
            return Status.RUNNING
    return None


def note_cancel_request(task: TaskState, *, by_id: Any) -> bool:
    """Note a request to cancel that reached the task's monitor by another way than its row."""
    return _update(
        _running(task) | {"cancel_requested_at": None}, cancel_requested_at=Now(), cancel_requested_by_id=by_id
    )


def mark_stale(task: TaskState, *, beat_before: datetime) -> bool:
    """Note that the heartbeat has stood still for too long, at the first look; the next beat undoes it."""
    first_look = {"stale_since": None, "heartbeat_at__lt": beat_before}
    return _update(_running(task) | first_look, stale_since=Now())


def give_up(task: TaskState, outcome: Outcome, *, first_look_before: datetime) -> bool:
    """RUNNING → LOST from another host: no heartbeat has come since the first look."""
    own = _running(task) | {"stale_since__lt": first_look_before}
    is_written = _update(own, **_finished(), **outcome.fields())
    if is_written:
        signals.tell_finished(task.pk)
    return is_written


def note_cleared(task: TaskState) -> bool:
    """Note that nothing is left of a task that another host gave up; until then `stale_since` stays on its row."""
    return _update({"pk": task.pk, "lease": task.lease, "status": Status.LOST}, stale_since=None)


def _finished() -> dict[str, Any]:
    """Return what every finishing UPDATE changes: a task that has ended holds its key no more."""
    return {"finished_at": Now(), "unique_key": None}


def _running(task: TaskState) -> dict[str, Any]:
    return {"pk": task.pk, "lease": task.lease, "status": Status.RUNNING}


def _update(where: dict[str, Any], **changes: Any) -> bool:
    return TaskState.objects.filter(**where).update(version=F("version") + 1, **changes) == 1


def _holds(where: dict[str, Any], values: dict[str, Any]) -> bool:
    return TaskState.objects.filter(**where, **values).exists()
