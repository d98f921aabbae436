"""What was made already for a task: by its earlier attempts, and by the tasks that it retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless import current_task
from brokerless.exports.exceptions import OutputError
from brokerless.exports.files.removal import reason
from brokerless.exports.models import ExportFile
from brokerless.models import TaskState

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from brokerless.exports.files.request import Request


def found_before(request: Request) -> ExportFile | None:
    """Return the file that was made already for what this task is to do; None if there is none.

    By an earlier attempt of it, or by a task that failed and that it retries, and by that one's: it is this task's
    from then on, and what they could not do any more, such as mailing the file, is done without making it again.
    One that succeeded and is retried is to be done anew; and so is what a command wants twice in one attempt.

    Raises OutputError when the storage cannot say whether the file is still there.
    """
    task = current_task()
    if task is None:
        return None
    made = ExportFile.objects.fetchable().filter(task_id__in=tasks_of(task.id), owner_id=request.owner_id)
    # What belonged to somebody who was deleted is not taken for what never belonged to anybody.
    made = made.filter(was_owned=request.owner_id is not None)
    same = made.filter(request_digest=request.digest()).exclude(task_id=task.id, lease=task.lease)
    found = (record for record in same.order_by("-ready_at") if _is_there(record))
    return next((record for record in found if _take(record, made)), None)


def _take(record: ExportFile, made: QuerySet) -> bool:
    """Have a file be this task's, to go with it when it is deleted; False if it has just gone with another."""
    task = current_task()
    return made.filter(pk=record.pk).update(task_id=task.id, lease=task.lease) == 1


def tasks_of(task_id: UUID) -> list[UUID]:
    """Return a task and those that it retries, up to one that succeeded."""
    found = [task_id]
    while earlier := (
        TaskState.objects.filter(retries=found[-1]).exclude(status=TaskState.Status.SUCCESSFUL).only("pk").first()
    ):
        found.append(earlier.pk)
    return found


def _is_there(record: ExportFile) -> bool:
    try:
        return record.storage.exists(record.storage_name)
    except Exception as error:  # every storage's library has errors of its own
        raise OutputError(f"The storage cannot be reached: {reason(error)}.") from error
