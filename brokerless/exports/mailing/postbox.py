"""The connection over which the mails of one delivery go."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from django.core import mail
from django.utils.translation import gettext as _

from brokerless.exports.mailing.errors import Fate, Verdict, judge, one_line
from brokerless.exports.mailing.providers import provider_of

if TYPE_CHECKING:
    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend

    from brokerless.exports.mailing.providers import Provider


class Postbox:
    """Hands mails over, one at a time, on one connection, which is opened anew after an error.

    A context manager: what is open at the end is closed.

    is_worn: whether the last mail was surely not sent on a connection that had taken one before: some servers have
    enough of one after a mail or two, and take the next on another.
    """

    def __init__(self) -> None:
        self.is_worn = False
        self._connection: BaseEmailBackend | None = None
        self._has_sent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Stopped in the middle of a mail, a server would take its goodbye for a line of that, and be waited for.
        if kind is None or issubclass(kind, Exception):
            self.close()

    def open(self) -> Provider:
        """Connect unless that is done, and say what is known of the provider. Raises what the backend does."""
        if self._connection is None:
            connection = default_connection()
            connection.open()
            self._connection, self._has_sent = connection, False
        return provider_of(self._connection)

    def hand_over(self, message: EmailMessage) -> Verdict | None:
        """Send a mail and return None; what became of it if it is not, or not surely, sent."""
        verdict = self._try(message)
        self.is_worn = self._has_sent and verdict is not None and verdict.fate is Fate.NOT_SENT
        if verdict is None:
            self._has_sent = True
        else:
            self.close()
        return verdict

    def close(self) -> None:
        """Close the connection; what was sent is sent, whatever that says."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _try(self, message: EmailMessage) -> Verdict | None:
        try:
            self.open()
        except Exception as error:  # every backend, and every wrong setting, raises an error of its own
            return Verdict(Fate.NOT_SENT, one_line(error))
        before = sys.exception()  # of whoever mails on account of an error
        try:
            sent = self._connection.send_messages([message])
        except Exception as error:
            return judge(error, before=before)
        if sent == 0:  # a receiver of Anymail's `pre_send` stopped it; None is what careless backends return
            return Verdict(Fate.NOT_SENT, _("the mail backend did not take it"))
        return _status_of(message)


def default_connection() -> BaseEmailBackend:
    """Return a new connection of the site's default mailer."""
    # Django 6.1 has MAILERS, and warns of get_connection().
    return mail.mailers.default if hasattr(mail, "mailers") else mail.get_connection()


def _status_of(message: EmailMessage) -> Verdict | None:
    """Return what Anymail says of a mail that it raised no error for, as with IGNORE_RECIPIENT_STATUS."""
    found = getattr(getattr(message, "anymail_status", None), "status", None) or set()
    words = ", ".join(sorted(map(str, found)))
    if found and found <= {"invalid", "rejected"}:
        return Verdict(Fate.REFUSED, words)
    return Verdict(Fate.NOT_SENT, words) if found == {"failed"} else None
