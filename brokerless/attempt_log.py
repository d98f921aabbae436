"""Which log belongs to which attempt at a task, and on which host it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brokerless.models import TaskState
from brokerless.processes import host_name
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from brokerless.log_lines import Lines

Status = TaskState.Status


@dataclass(frozen=True)
class AttemptLog:
    """The log of one attempt, the task's row being as it was when it was read.

    attempt: its number. is_complete: nobody writes to it any more. elsewhere: the host on which it lies; empty if
    it lies here, or nowhere.
    """

    attempt: int
    files: TaskFiles
    is_complete: bool
    elsewhere: str = ""

    def read(self, offset: int, limit: int) -> Lines:
        return self.files.read_log(offset, limit, is_complete=self.is_complete)

    def end(self, limit: int) -> Lines:
        return self.files.log_end(limit, is_complete=self.is_complete)


def latest_attempt(task: TaskState) -> int:
    """Return the number of the attempt that has the newest log: one that is being started counts, too."""
    ended = _ended_attempts(task).get(task.attempt)
    is_next_claimed = ended is not None and _lease(ended) < task.lease
    return max(1, task.attempt + is_next_claimed)


def attempt_log(task: TaskState, attempt: int | None = None) -> AttemptLog | None:
    """Return the log of an attempt, by default of the latest; None if there is no such attempt."""
    latest = latest_attempt(task)
    number = latest if attempt is None else attempt
    ended = _ended_attempts(task).get(number)
    if number == latest:
        lease, host = task.lease, task.host or (ended or {}).get("worker", "")
    elif ended is not None:
        lease, host = _lease(ended), ended.get("worker", "")
    else:
        return None
    files = TaskFiles(task.pk, lease)
    return AttemptLog(
        attempt=number,
        files=files,
        is_complete=task.is_finished or ended is not None,
        elsewhere="" if files.has_log else _other_host(host),
    )


def _ended_attempts(task: TaskState) -> dict[int, dict[str, Any]]:
    """Return what the row says of attempts that another one followed, or will."""
    return {error.get("attempt"): error for error in task.errors}


def _lease(ended: dict[str, Any]) -> int:
    # Rows of earlier releases do not have it; theirs differs only if a claim was in vain. A file is named from it.
    lease = ended.get("lease")
    return lease if isinstance(lease, int) else int(ended["attempt"])


def _other_host(host: str) -> str:
    """Return the name of a host unless it is this one's, of which a start or a container is told apart."""
    name = host.split("/")[0]
    return "" if name == host_name().split("/")[0] else name
