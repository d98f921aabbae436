"""System checks of the mails that deliver exports."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.mail.backends.smtp import EmailBackend

from brokerless.checks import TAG
from brokerless.exports.mailing.postbox import default_connection


@checks.register(TAG)
def check_mail_timeout(**_: Any) -> list[checks.CheckMessage]:
    """W003: nothing ends the waiting for a mail server that hangs."""
    try:
        connection = default_connection()
    except Exception:  # wrong settings of mail are told when a mail is sent, and are no export's
        return []
    if not isinstance(connection, EmailBackend) or connection.timeout is not None:
        return []
    message = "Mails go out by SMTP without a time-out: a server that hangs holds the task until its time limit."
    hint = "Set EMAIL_TIMEOUT (in MAILERS, the option 'timeout'), in seconds; 30 will do."
    return [checks.Warning(message, hint=hint, id="brokerless_exports.W003")]
