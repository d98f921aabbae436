"""System checks of the mails that deliver exports."""

from __future__ import annotations

import warnings
from typing import Any

from django.conf import settings
from django.core import checks

from brokerless.checks import TAG

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@checks.register(TAG)
def check_mail_timeout(**_: Any) -> list[checks.CheckMessage]:
    """W003: nothing ends the waiting for a mail server that hangs."""
    backend, timeout = _backend_and_timeout()
    if backend != SMTP or timeout is not None:
        return []
    message = "Mails go out by SMTP without a time-out: a server that hangs holds the task until its time limit."
    hint = "Set EMAIL_TIMEOUT (in MAILERS, the option 'timeout'), in seconds; 30 will do."
    return [checks.Warning(message, hint=hint, id="brokerless_exports.W003")]


def _backend_and_timeout() -> tuple[str, Any]:
    """Return what the settings say. By the settings alone: some backends make directories when they are made."""
    if mailers := getattr(settings, "MAILERS", None):  # Django 6.1
        mailer = mailers.get("default", {})
        return mailer.get("BACKEND", SMTP), mailer.get("OPTIONS", {}).get("timeout")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which deprecates the others
        return settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT
