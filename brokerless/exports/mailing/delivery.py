"""The delivery of a file by mail: to each recipient one, and none twice, across attempts and retries."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.db import router
from django.urls import NoReverseMatch
from django.utils import timezone
from django.utils.translation import gettext as _

from brokerless import BrokerlessError, current_task
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import MailError, PermissionRefused
from brokerless.exports.files import links
from brokerless.exports.mailing.delivered import Delivered
from brokerless.exports.mailing.errors import Fate, Verdict, one_line
from brokerless.exports.mailing.letter import Letter
from brokerless.exports.mailing.postbox import Postbox
from brokerless.exports.mailing.recipients import check_recipients, unique
from brokerless.exports.mailing.standing import change, earlier, is_interrupted, note_interrupted, sender
from brokerless.exports.models import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AbstractBaseUser
    from django.core.mail import EmailMessage

    from brokerless.exports.mailing.providers import Provider
    from brokerless.exports.models import ExportFile

Status = Delivery.Status
STATUS_AFTER = {
    Fate.NOT_SENT: Status.WAITING,
    Fate.NOT_WITH_ATTACHMENT: Status.WAITING,
    Fate.REFUSED: Status.REFUSED,
    Fate.UNCERTAIN: Status.UNCERTAIN,
}
# Whoever sent it knows how it went, even if somebody else took it for interrupted meanwhile.
BEING_SENT = (Status.SENDING, Status.UNCERTAIN)


def deliver(record: ExportFile, recipients: Sequence[str], *, title: str) -> Delivered:
    """Mail a file, or a link to it, to each recipient that it was not mailed to yet.

    title: what was exported, in the user's words.

    Raises MailError, when all were tried, if one was not sent; LeaseLost when the task is not this process's any
    more; what `check_recipients` raises. The file is not touched.
    """
    check_recipients(_owner(record), recipients)
    delivered = Delivered()
    with Postbox() as postbox:
        courier = _Courier(record, title, postbox)
        for recipient in unique(recipients):
            delivered.note(courier.bring(recipient))
    if not delivered.is_complete:
        raise MailError(delivered.in_words(), delivered=delivered)
    return delivered


def _owner(record: ExportFile) -> AbstractBaseUser | None:
    """Return whom the file belongs to now; None for what never belonged to anybody. Raises PermissionRefused."""
    try:
        record.refresh_from_db(using=router.db_for_write(Delivery), fields=["owner", "was_owned"])
        owner = record.owner
    except ObjectDoesNotExist:  # the record, or a user of another database than the files
        is_gone, owner = True, None
    else:
        is_gone = record.is_orphaned
    if is_gone:
        raise PermissionRefused(_("The user who asked for this export is no longer there."))
    return owner


class _Courier:
    """Brings one file to its recipients."""

    def __init__(self, record: ExportFile, title: str, postbox: Postbox) -> None:
        self.record = record
        self.title = title
        self.postbox = postbox
        self.is_attachable = True
        self._content: bytes | None = None
        self._failure: Exception | None = None

    def bring(self, recipient: str) -> Delivery:
        """Return the delivery to a recipient as it is now, having sent the mail if that was still to be done."""
        delivery = earlier(self.record, recipient)
        if delivery is None:
            delivery = Delivery.objects.get_or_create(file=self.record, recipient=recipient)[0]
            delivery.file = self.record
        if delivery.status == Status.SENDING and is_interrupted(delivery):
            note_interrupted(delivery)
        elif delivery.status == Status.WAITING:
            self._send(delivery)
        return delivery

    def _send(self, delivery: Delivery) -> None:
        _renew_lease()
        try:
            is_attached = self._fits(self._open())
            message = self._write(delivery, is_attached=is_attached)
        except Exception as error:  # every backend, template and wrong setting raises an error of its own
            change(delivery, [Status.WAITING], Status.WAITING, detail=one_line(error))
            return
        taken_on = {"attempted_at": timezone.now(), "is_link": not is_attached, "detail": "", **sender()}
        if change(delivery, [Status.WAITING], Status.SENDING, **taken_on):
            self._settle(delivery, message, self._hand_over(delivery, message))

    def _hand_over(self, delivery: Delivery, message: EmailMessage) -> Verdict | None:
        try:
            return self.postbox.hand_over(message)
        except BaseException:  # no error, but the end of the process, as when the task is cancelled
            with suppress(Exception):
                note_interrupted(delivery)
            raise

    def _open(self) -> Provider:
        """Connect, unless that has failed: ten recipients are not to wait ten times for a server that is away."""
        if self._failure is not None:
            raise self._failure
        try:
            return self.postbox.open()
        except Exception as error:
            self._failure = error
            raise

    def _settle(self, delivery: Delivery, message: EmailMessage, verdict: Verdict | None) -> None:
        if verdict is None:
            change(delivery, BEING_SENT, Status.SENT, sent_at=timezone.now())
            return
        change(delivery, BEING_SENT, STATUS_AFTER[verdict.fate], detail=verdict.words)
        is_refused_with_file = verdict.fate is Fate.NOT_WITH_ATTACHMENT and bool(message.attachments)
        if is_refused_with_file:
            self.is_attachable = False  # to the other recipients neither
        if is_refused_with_file or self.postbox.is_worn:
            self._send(delivery)

    def _fits(self, provider: Provider) -> bool:
        """Tell whether the file is to be attached."""
        size = self.record.bytes
        is_small = size <= settings.ATTACHMENT_LIMIT
        return self.is_attachable and is_small and provider.takes(self.record.name, size=size)

    def _write(self, delivery: Delivery, *, is_attached: bool) -> EmailMessage:
        url = self._url(delivery, is_needed=not is_attached)
        letter = Letter(
            self.record,
            self.title,
            url=url,
            url_expires_at=delivery.link_expires_at if url else None,
            content=self._read() if is_attached else None,
        )
        return letter.to(delivery.recipient)

    def _url(self, delivery: Delivery, *, is_needed: bool) -> str:
        """Return the link; empty if there can be none and the file is attached."""
        try:
            return links.absolute_url(delivery)
        except NoReverseMatch as error:
            if is_needed:
                raise MailError(
                    _("no link can be made: the site does not include brokerless.exports.urls")
                ) from error
        except BrokerlessError:
            if is_needed:
                raise
        return ""

    def _read(self) -> bytes:
        if self._content is None:
            try:
                with self.record.storage.open(self.record.storage_name) as file:
                    self._content = file.read()
            except OSError as error:  # without its words, which hold the path
                reason = error.strerror or type(error).__name__
                raise MailError(_("the stored file cannot be read: %(reason)s") % {"reason": reason}) from error
        return self._content


def _renew_lease() -> None:
    task = current_task()
    if task is not None:
        task.renew_lease()
