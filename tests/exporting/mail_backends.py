"""Mail backends that do what providers do on a bad day."""

from __future__ import annotations

from anymail.backends.test import EmailBackend as AnymailTestBackend
from anymail.message import AnymailRecipientStatus
from django.core.mail.backends.base import BaseEmailBackend


class RefusingBackend(AnymailTestBackend):
    """Anymail's backend for tests, whose provider takes none of the recipients."""

    def parse_recipient_status(self, response, payload, message):
        rejected = AnymailRecipientStatus(message_id=None, status="rejected")
        return dict.fromkeys(payload.recipient_emails, rejected)


class ProviderError(Exception):
    """An error that is known to its provider's library alone."""


class FailingBackend(BaseEmailBackend):
    def send_messages(self, messages):
        raise ProviderError("quota exceeded")
