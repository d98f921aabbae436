"""The end of an attempt: the task's final status, or another attempt after a pause."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from brokerless import transitions
from brokerless.conf import settings
from brokerless.models import TaskState
from brokerless.outcome import cancelled
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from brokerless.outcome import Outcome

logger = logging.getLogger("brokerless")

Status = TaskState.Status
# A pause is shortened by up to so much at random: what failed together is not to come back together.
JITTER = 0.5
# Characters of the details that are kept of each earlier attempt; its log has them all.
DETAIL_LIMIT = 4000
# The doubled pause is cut off long before; a float of two to the power of more would be none.
DOUBLINGS_LIMIT = 60
NOTICE_FIELDS = frozenset({"notices", "notices_count"})


def settle(
    task: TaskState, outcome: Outcome, *, measured: dict[str, Any] | None = None, is_repeatable: bool = True
) -> Status | None:
    """Write how an attempt ended and return the status that the task has now; None if somebody was first.

    For the caller's own attempt, or one of which no process is left. A failure after a request to stop is the
    stopping, also where no beat has seen the request, or SQLite's lock kept it out of the row.
    task: the row as it was when the attempt was known to be the caller's. measured: further fields of the row.
    is_repeatable: as of `transitions.finish`.
    """
    files = TaskFiles(task.pk, task.lease)
    if (request := files.read_cancel_request()) is not None:
        transitions.note_cancel_request(task, by_id=request["by"])
    written = _settle(task, outcome, measured=measured, is_repeatable=is_repeatable)
    # One may have come while the write waited for the lock; whoever leaves one later sees READY and asks again.
    if written == Status.READY and (request := files.read_cancel_request()) is not None:
        transitions.request_cancel(task.pk, by_id=request["by"])
        return Status.CANCELLED
    return written


def _settle(
    task: TaskState, outcome: Outcome, *, measured: dict[str, Any] | None, is_repeatable: bool
) -> Status | None:
    if _may_try_again(task, outcome):
        pause = backoff(task.attempt)
        errors = [*task.errors, _as_error(task, outcome)]
        # Of all that was measured this alone is not about the attempt.
        said = {name: value for name, value in (measured or {}).items() if name in NOTICE_FIELDS}
        if transitions.try_again(task, errors=errors, pause=pause, said=said, is_repeatable=is_repeatable):
            logger.info("task=%s attempt=%s is tried again: %s", task.pk, task.attempt, outcome.error_title)
            return Status.READY
    before = Status(task.status)
    keywords = {"before": before, "measured": measured, "is_repeatable": is_repeatable}
    if outcome.status != Status.FAILED or before != Status.RUNNING:
        is_written = transitions.finish(task.pk, task.lease, outcome, **keywords)
        return Status(outcome.status) if is_written else None
    if transitions.finish(task.pk, task.lease, outcome, unless_cancelled=True, **keywords):
        return Status.FAILED
    return _settle_as_cancelled(task, outcome, keywords)


def backoff(attempt: int) -> timedelta:
    """Return the pause after an attempt: doubled with each, and shortened at random."""
    longest = min(settings.LONGEST_RETRY_PAUSE, settings.RETRY_PAUSE * 2.0 ** min(attempt - 1, DOUBLINGS_LIMIT))
    return timedelta(seconds=longest * random.uniform(1 - JITTER, 1))  # noqa: S311 - no secret


def _may_try_again(task: TaskState, outcome: Outcome) -> bool:
    is_failure = outcome.status in {Status.FAILED, Status.LOST} and not outcome.is_final
    return is_failure and task.status == Status.RUNNING and max(1, task.attempt) < task.max_attempts


def _as_error(task: TaskState, outcome: Outcome) -> dict[str, Any]:
    """Return how an attempt ended as an entry of the row's `errors`."""
    values = outcome.fields()
    return {
        "attempt": task.attempt,
        "lease": task.lease,  # which its log is named from
        "worker": task.worker,
        "run_after": task.run_after.isoformat() if task.run_after else None,
        "started_at": task.started_at.isoformat() if task.started_at else None,
        "at": timezone.now().isoformat(),
        "type": values["error_type"],
        "class": values["error_class"],
        "title": values["error_title"],
        "detail": values["error_detail"][-DETAIL_LIMIT:],
        "exit_code": outcome.exit_code,
        "exit_signal": outcome.exit_signal,
    }


def _settle_as_cancelled(task: TaskState, outcome: Outcome, keywords: dict[str, Any]) -> Status | None:
    stopped = replace(cancelled(), exit_code=outcome.exit_code, exit_signal=outcome.exit_signal)
    own = TaskState.objects.filter(pk=task.pk, lease=task.lease, status=task.status)
    is_asked = own.filter(cancel_requested_at__isnull=False).exists()
    is_written = is_asked and transitions.finish(task.pk, task.lease, stopped, **keywords)
    return Status.CANCELLED if is_written else None
