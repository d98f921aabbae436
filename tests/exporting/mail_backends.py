"""Mail backends that do what providers do on a bad day."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from anymail.backends.test import EmailBackend as AnymailTestBackend
from anymail.message import AnymailRecipientStatus
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

if TYPE_CHECKING:
    from collections.abc import Callable


class RefusingBackend(AnymailTestBackend):
    """Anymail's backend for tests, whose provider takes none of the recipients."""

    status = "rejected"

    def parse_recipient_status(self, response, payload, message):
        refused = AnymailRecipientStatus(message_id=None, status=self.status)
        return dict.fromkeys(payload.recipient_emails, refused)


class FailedBackend(RefusingBackend):
    """Anymail's backend for tests, whose provider says that it failed."""

    status = "failed"


class ProviderError(Exception):
    """An error that is known to its provider's library alone."""


class FailingBackend(BaseEmailBackend):
    def send_messages(self, messages):
        raise ProviderError("quota exceeded")


class RefusingAttachments(AnymailTestBackend):
    """Anymail's backend for tests, whose provider can do without attachments."""

    def build_message_payload(self, message, defaults):
        payload = super().build_message_payload(message, defaults)
        if message.attachments:
            payload.unsupported_feature("attachments of this kind")
        return payload


class ToldBackend(BaseEmailBackend):
    """Does what it was told to do for a recipient, and else keeps the mail.

    told: what to call by the recipient, with the mail; what it returns counts as the mails sent.
    opened: how many connections there were.
    """

    told: ClassVar[dict[str, Callable[[mail.EmailMessage], int | None]]] = {}
    opened = 0
    failure: Exception | None = None

    def open(self):
        type(self).opened += 1
        if self.failure is not None:
            raise self.failure

    def send_messages(self, messages):
        (message,) = messages
        (recipient,) = message.to
        if recipient in self.told:
            return self.told[recipient](message)
        mail.outbox.append(message)
        return 1
