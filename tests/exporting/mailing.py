"""What the tests of mail make and read: a stored file, its deliveries, the parts of a mail."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING, Any

from django.core import mail
from django.core.files.base import ContentFile
from django.utils import timezone

from brokerless.exports.exceptions import MailError
from brokerless.exports.mailing.delivery import deliver
from brokerless.exports.models import Delivery, ExportFile

if TYPE_CHECKING:
    from email.message import EmailMessage

    from brokerless.exports.mailing.delivered import Delivered

ANN, BEN, EVE = "ann@example.org", "ben@example.org", "eve@example.org"
CONTENT = gzip.compress(b"title\nUlysses\n", mtime=0)
TITLE = "Books, English"


def make_file(content: bytes = CONTENT, *, name: str = "books-2024-05-06.csv.gz", **values: Any) -> ExportFile:
    """Store a file as an export does."""
    given = {"exporter": "books", "filters": {"language": "eng"}, "rows": 1, "ready_at": timezone.now()} | values
    record = ExportFile.objects.create(
        name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), **given
    )
    record.storage.save(record.storage_name, ContentFile(content))
    return record


def mail_to(record: ExportFile, *recipients: str) -> Delivered:
    return deliver(record, recipients or [ANN], title=TITLE)


def mail_in_vain(record: ExportFile, *recipients: str) -> str:
    """Deliver what cannot be delivered to all, and return what is said of it."""
    try:
        mail_to(record, *recipients)
    except MailError as error:
        return str(error)
    raise AssertionError("Every mail was sent.")


def mailed() -> list[str]:
    """Return the recipients of every mail, in order."""
    assert all(len(message.recipients()) == 1 for message in mail.outbox)
    return [message.recipients()[0] for message in mail.outbox]


def statuses(record: ExportFile) -> dict[str, str]:
    """Return the status of each delivery by its recipient."""
    return dict(Delivery.objects.filter(file=record).values_list("recipient", "status"))


def html_of(message: Any) -> str:
    """Return the HTML of a mail of Django's."""
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    return html


def parts_of(message: EmailMessage) -> tuple[str, str, list[tuple[str, str, bytes]]]:
    """Return the text, the HTML and the attachments (name, type, bytes) of a mail as it arrived."""
    attachments = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ]
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return text.get_content(), html.get_content(), attachments
