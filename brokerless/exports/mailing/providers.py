"""What the providers of mail take as attachments: what is known of each before anything is sent.

What is missing here, or has changed, is learnt when a provider refuses: the same mail goes out with a link then.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from brokerless.conf import MEGABYTE

if TYPE_CHECKING:
    from django.core.mail.backends.base import BaseEmailBackend

# Base64 as mails have it: 57 bytes become a line of 76 characters and its end (RFC 2045, 6.8): 37 % more.
LINE_BYTES, LINE_LENGTH = 57, 78
# Headers and bodies beside the attachment; generous, as a site may have templates of its own.
REST = 100_000  # bytes


@dataclass(frozen=True)
class Provider:
    """What one provider takes.

    limit: the largest mail, encoded, in bytes. endings: the only endings of names that it takes. refused: endings
    that it does not take. None and empty where nothing is known: EXPORTS["ATTACHMENT_LIMIT"] alone decides then.
    """

    limit: int | None = None
    endings: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()

    def takes(self, name: str, *, size: int) -> bool:
        """Tell whether a file of that name and size, in bytes, can be attached."""
        ending = PurePath(name).suffix.lower()
        is_of_a_kind = (self.endings is None or ending in self.endings) and ending not in self.refused
        return is_of_a_kind and (self.limit is None or encoded_size(size) + REST <= self.limit)


UNKNOWN = Provider()

# By Anymail's name of each; the limits are those of the providers' documentation.
PROVIDERS = {
    "Amazon SES": Provider(limit=40 * MEGABYTE),
    # https://developers.brevo.com/reference/sendtransacemail: a list of endings, of which exports have these two.
    "Brevo": Provider(limit=20 * MEGABYTE, endings=frozenset({".csv", ".xlsx"})),
    "Mailgun": Provider(limit=25 * MEGABYTE),
    "Mailjet": Provider(limit=15 * MEGABYTE),
    "Postmark": Provider(limit=10 * MEGABYTE),
    # https://resend.com/docs/dashboard/emails/attachments. A mail whose attachment's type is not the one that the
    # name stands for vanishes there, which Anymail prevents: to it `.csv.gz` stands for CSV.
    "Resend": Provider(limit=40 * MEGABYTE, refused=frozenset({".gz"})),
    # https://www.scaleway.com/en/docs/transactional-email/reference-content/tem-capabilities-and-limits/
    "Scaleway": Provider(limit=2 * MEGABYTE, endings=frozenset({".csv", ".xlsx"})),
    "SparkPost": Provider(limit=20 * MEGABYTE),
}


def provider_of(connection: BaseEmailBackend) -> Provider:
    """Return what is known of the provider that a connection leads to."""
    # Of the class: Anymail's base has a property there, which raises.
    name = getattr(type(connection), "esp_name", "")
    return PROVIDERS.get(name, UNKNOWN) if isinstance(name, str) else UNKNOWN


def encoded_size(size: int) -> int:
    """Return the bytes that so many bytes take in a mail."""
    return -(-size // LINE_BYTES) * LINE_LENGTH
