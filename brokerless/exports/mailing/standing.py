"""How far the mail to a recipient is: written down before and after it, and judged by whoever comes later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import router, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from brokerless import current_task
from brokerless.exports.exceptions import MailError
from brokerless.exports.files.earlier import tasks_of
from brokerless.exports.mailing.recipients import mailbox
from brokerless.exports.models import Delivery
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brokerless.exports.models import ExportFile

Status = Delivery.Status
# Of a process that is no task's: nobody knows whether it still runs.
LONGEST_SENDING = timedelta(hours=1)


def earlier(record: ExportFile, recipient: str) -> Delivery | None:
    """Return the mail that a recipient was sent, or may have been, with an earlier file of the same request.

    As when that file was removed before another attempt of the task, or a task that retries it, came to its mails:
    who had theirs gets no second one.
    """
    task = current_task()
    if task is None or not record.request_digest:
        return None
    others = Delivery.objects.using(router.db_for_write(Delivery)).select_related("file")
    others = others.filter(file__task_id__in=tasks_of(task.id), file__request_digest=record.request_digest)
    taken_on = others.exclude(file=record).exclude(status=Status.WAITING).order_by("-attempted_at", "pk")
    return next((found for found in taken_on if mailbox(found.recipient) == mailbox(recipient)), None)


def sender() -> dict[str, object]:
    """Return who sends a mail now, as the values of its delivery."""
    task = current_task()
    return {"task_id": None, "lease": None} if task is None else {"task_id": task.id, "lease": task.lease}


def is_interrupted(delivery: Delivery) -> bool:
    """Tell whether the process that was sending a mail does so no more."""
    if delivery.lease is None:
        return delivery.attempted_at is None or timezone.now() - delivery.attempted_at > LONGEST_SENDING
    task = TaskState.objects.filter(pk=delivery.task_id).only("status", "lease").first()
    return task is None or task.is_finished or task.lease > delivery.lease


def note_interrupted(delivery: Delivery) -> None:
    """Write down that nobody knows at which point the sending of a mail ended."""
    detail = _("the process that sent it was interrupted")
    change(delivery, [Status.SENDING], Status.UNCERTAIN, detail=detail)


def change(delivery: Delivery, before: Sequence[Status], after: Status, **values: object) -> bool:
    """Write a status, committed when this returns; False if somebody else had changed it, which is read then.

    Raises MailError inside a transaction, which could be rolled back when the mail is out.
    """
    using = router.db_for_write(Delivery)
    try:
        with transaction.atomic(using=using, durable=True):
            changed = (
                Delivery.objects.using(using)
                .filter(pk=delivery.pk, status__in=before)
                .update(status=after, **values)
            )
    except RuntimeError as error:
        raise MailError(_("no mail is sent inside a transaction: call the command outside of atomic()")) from error
    delivery.refresh_from_db(using=using, fields=["status", "detail", *values])
    return bool(changed)
