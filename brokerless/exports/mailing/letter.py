"""The mail that delivers an export: the file attached or not, and a link to it, as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from email import encoders
from email.message import MIMEPart
from email.mime.base import MIMEBase
from typing import TYPE_CHECKING, Any

import django
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from brokerless.exports.formats.layout import FORMATS

if TYPE_CHECKING:
    from datetime import datetime

    from brokerless.exports.models import ExportFile

TEMPLATES = "brokerless_exports/mail"
# RFC 3834: no answer of an absent recipient's mailbox is wanted.
HEADERS = {"Auto-Submitted": "auto-generated"}


@dataclass(frozen=True)
class Letter:
    """What one recipient is told of a file.

    title: what was exported, in the user's words. url: where the recipient fetches the file, until
    `url_expires_at`; empty for nowhere. content: the file's bytes, to be attached; None for a mail without it.
    """

    file: ExportFile
    title: str
    url: str = ""
    url_expires_at: datetime | None = None
    content: bytes | None = None

    def to(self, recipient: str) -> EmailMultiAlternatives:
        """Return the mail, in the language that is active. Raises ValueError for headers that no mail may have."""
        values = self._values()
        message = EmailMultiAlternatives(
            subject=" ".join(render_to_string(f"{TEMPLATES}/subject.txt", values).split()),
            body=render_to_string(f"{TEMPLATES}/body.txt", values),
            to=[recipient],
            headers=HEADERS,
        )
        message.attach_alternative(render_to_string(f"{TEMPLATES}/body.html", values), "text/html")
        message.message()  # which checks the headers, now that nothing is attached yet
        if self.content is not None:
            _attach(message, self.file, self.content)
        return message

    def _values(self) -> dict[str, Any]:
        file_format = FORMATS.get(self.file.format)
        return {
            "file": self.file,
            "title": self.title,
            "url": self.url,
            "url_expires_at": self.url_expires_at,
            "is_attached": self.content is not None,
            "format": file_format.label if file_format is not None else self.file.format,
        }


def _attach(message: EmailMultiAlternatives, file: ExportFile, content: bytes) -> None:
    kind = file.content_type.partition(";")[0]
    if not kind.startswith("text/"):
        message.attach(file.name, content, kind)
        return
    # As a text its line ends would be changed on the way, and it would not have its checksum any more.
    make = _part if django.VERSION >= (6, 0) else _part_before_django_6
    message.attach(make(file.name, content, kind.removeprefix("text/")))


def _part(name: str, content: bytes, subtype: str) -> MIMEPart:
    part = MIMEPart()
    part.set_content(
        content, "text", subtype, disposition="attachment", filename=name, params={"charset": "utf-8"}
    )
    return part


def _part_before_django_6(name: str, content: bytes, subtype: str) -> MIMEBase:
    part = MIMEBase("text", subtype, charset="utf-8")
    part.set_payload(content)
    encoders.encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=name)
    return part
