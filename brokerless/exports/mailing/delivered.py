"""What became of the mails with one file, and how the user is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from brokerless.exports.models import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable

Status = Delivery.Status
REASON_LIMIT = 300  # characters of a provider's words in an error; the row has them all


@dataclass
class Delivered:
    """What became of the mails, in this attempt or an earlier one.

    sent: the recipients. The others by recipient with the reason. waiting: surely not sent; a retry sends it.
    refused: not tried again. uncertain: perhaps delivered, and not sent again.
    """

    sent: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    uncertain: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return not (self.waiting or self.refused or self.uncertain)

    def note(self, delivery: Delivery) -> None:
        if delivery.status == Status.SENT:
            self.sent.append(delivery.recipient)
            return
        others = {Status.WAITING: self.waiting, Status.REFUSED: self.refused}
        reason = _("another process is sending it") if delivery.status == Status.SENDING else delivery.detail
        others.get(Status(delivery.status), self.uncertain)[delivery.recipient] = reason

    def in_words(self) -> str:
        """Say what was not sent, and what was all the same."""
        problems = [
            *_told(self.waiting, _("the mail to %(recipients)s was not sent: %(reason)s")),
            *_told(self.refused, _("%(recipients)s was refused, and is not tried again: %(reason)s")),
            *_told(
                self.uncertain,
                _("the mail to %(recipients)s may have been delivered, and is not sent again: %(reason)s"),
            ),
        ]
        text = _("The file is ready, but %(problems)s") % {"problems": "; ".join(problems)}
        if self.sent:
            text += " " + _("(Mailed to %(recipients)s.)") % {"recipients": ", ".join(self.sent)}
        return text


def _told(found: dict[str, str], sentence: str) -> Iterable[str]:
    """Give a sentence for each reason, with all whom it is about."""
    for reason in dict.fromkeys(found.values()):
        recipients = ", ".join(recipient for recipient, its in found.items() if its == reason)
        yield sentence % {"recipients": recipients, "reason": Truncator(reason).chars(REASON_LIMIT)}
