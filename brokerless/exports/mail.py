"""The mail that delivers an export: the file attached if it is small enough, else a link to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from brokerless import current_task
from brokerless.context import without_request
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import MailError
from brokerless.exports.formats.layout import GZIP_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brokerless.exports.models import ExportFile


def send(record: ExportFile, *, recipients: Sequence[str], title: str) -> None:
    """Send one mail with the file, or with a link to it, to all recipients.

    Raises MailError with the reason when it was not sent; the file is not touched.
    """
    task = current_task()
    if task is not None:
        task.renew_lease()
    try:
        for address in recipients:
            check_address(address)
        _message(record, recipients, title).send()
    except Exception as error:  # every provider's library, and every wrong setting, raises an error of its own
        reason = str(error) or type(error).__name__
        raise MailError(
            _("The file is ready, but the mail to %(recipients)s was not sent: %(reason)s")
            % {"recipients": ", ".join(recipients), "reason": reason}
        ) from error


def check_address(text: str) -> str:
    """Return an e-mail address. Raises ValueError for what is none, line breaks included."""
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError(f"{text!r} is no e-mail address") from None
    return text


def _message(record: ExportFile, recipients: Sequence[str], title: str) -> EmailMessage:
    is_attached = record.bytes <= settings.ATTACHMENT_LIMIT
    values = {"file": record, "title": title, "is_attached": is_attached}
    if not is_attached:
        values["url"] = _link(record)
    subject = " ".join(render_to_string("brokerless_exports/mail/subject.txt", values).split())
    body = render_to_string("brokerless_exports/mail/body.txt", values)
    message = EmailMessage(subject=subject, body=body, to=list(recipients))
    if is_attached:
        with record.storage.open(record.storage_name) as file:
            message.attach(record.name, file.read(), GZIP_TYPE)
    return message


def _link(record: ExportFile) -> str:
    """Return the absolute URL of the task's page, or of the file if no task made it."""
    task = current_task()
    if task is not None:
        return task.context.build_absolute_uri(reverse("brokerless:task", args=[task.id]))
    return without_request().build_absolute_uri(record.get_absolute_url())
