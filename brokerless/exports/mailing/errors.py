"""What an error of a mail backend says of the mail: whether it can have been sent, and whose fault it was."""

from __future__ import annotations

import errno
import re
import smtplib
import socket
import ssl
import sys
import traceback
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from collections.abc import Iterator


class Fate(Enum):
    """What became of a mail whose sending raised an error."""

    NOT_SENT = "not sent"  # surely; another try may send it
    NOT_WITH_ATTACHMENT = "not with attachment"  # surely not sent; without the attachment it may be
    REFUSED = "refused"  # the recipient is refused, and will be again
    UNCERTAIN = "uncertain"  # it may have been delivered


@dataclass(frozen=True)
class Verdict:
    """A mail's fate, and the words of whoever refused it, in one line."""

    fate: Fate
    words: str


# Refusals of an attachment are worded by each server and provider in its own way.
ABOUT_ATTACHMENTS = re.compile(
    r"attach|too (large|big|long)|(size|length|limit)\b.*exceed|exceed\w*\b.*(size|length|limit)"
    r"|file ?(name|type|extension)|message size",
    re.IGNORECASE | re.DOTALL,
)
MESSAGE_TOO_LARGE = 552  # RFC 1870
# RFC 5321, 4.2.3: there is no such mailbox. Others, such as 554, are as often said of who sends.
NO_SUCH_MAILBOX = frozenset({550, 551, 553, 556})
# With the same codes: it is the sender who may not. 5.7 is RFC 3463's; Exim says "relay not permitted".
ABOUT_POLICY = re.compile(r"^5\.7\.|relay|prohibit|polic(y|ies)|authenti|spam|block|denied", re.IGNORECASE)
# An answer that says that nothing was done; after another of the 500s nobody knows.
SURELY_NOTHING_DONE = frozenset({HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.SERVICE_UNAVAILABLE})
# Of who sends, and not of the mail.
ABOUT_SENDER = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
# No connection was made, by the names that requests, urllib3 and botocore have for it: none need be installed.
NEVER_CONNECTED = frozenset(
    {"NewConnectionError", "ConnectTimeoutError", "ConnectTimeout", "EndpointConnectionError", "InvalidURL"}
    | {"InvalidSchema", "MissingSchema", "NoCredentialsError", "ProxyError"}
)
# The request was on its way, or out. By the names of requests, urllib3, botocore and httpx.
NO_ANSWER = frozenset({"ReadTimeout", "ReadTimeoutError", "WriteTimeout"})
# The network is not there, or the directory that mails are written into is not.
NEVER_BEGUN = frozenset(
    {errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
    | {errno.EACCES, errno.EEXIST, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS}
)
SMTP_ERRORS_BEFORE_A_MAIL = (
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPNotSupportedError,
)
SMTP_PERMANENT = 500


def judge(error: Exception, *, before: BaseException | None = None) -> Verdict:
    """Return what an error, raised when a mail was handed over, says of it.

    before: the exception that was being handled already then, which says nothing of the mail.

    A mail is not sent twice: what is not surely unsent is uncertain.
    """
    # Without it no error is one of its own; importing it takes its time.
    anymail = sys.modules.get("anymail.exceptions")
    if isinstance(error, smtplib.SMTPException):
        return _judge_smtp(error)
    if anymail is not None and isinstance(error, anymail.AnymailError):
        return _judge_anymail(error, anymail, before)
    return Verdict(_fate_of_any(error, before), one_line(error))


def one_line(error: object) -> str:
    """Return an error's words in one line; its kind for one that has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _judge_smtp(error: smtplib.SMTPException) -> Verdict:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()), (0, b""))
        return Verdict(_fate_of_recipient(code, _decoded(answer)), f"{code} {_decoded(answer)}")
    if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError):
        words = _decoded(error.smtp_error)
        is_permanent = error.smtp_code >= SMTP_PERMANENT
        is_size = error.smtp_code == MESSAGE_TOO_LARGE
        is_attachment = is_size or (is_permanent and ABOUT_ATTACHMENTS.search(words) is not None)
        fate = Fate.NOT_WITH_ATTACHMENT if is_attachment else Fate.NOT_SENT
        return Verdict(fate, f"{error.smtp_code} {words}")
    if isinstance(error, SMTP_ERRORS_BEFORE_A_MAIL):
        return Verdict(Fate.NOT_SENT, one_line(error))
    return Verdict(Fate.UNCERTAIN if _was_handed_over(error) else Fate.NOT_SENT, one_line(error))


def _fate_of_recipient(code: int, words: str) -> Fate:
    is_unknown = code in NO_SUCH_MAILBOX and not ABOUT_POLICY.search(words)
    return Fate.REFUSED if is_unknown else Fate.NOT_SENT


def _was_handed_over(error: smtplib.SMTPException) -> bool:
    """Tell whether a connection broke when the whole mail was out and its answer was waited for.

    smtplib has one error for every moment; only its trace tells them apart.
    """
    codes = {frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)}
    if smtplib.SMTP.data.__code__ in codes:
        return smtplib.SMTP.send.__code__ not in codes  # in which the mail's last line would have got stuck, too
    return smtplib.SMTP.sendmail.__code__ not in codes


def _judge_anymail(error: Exception, anymail: Any, before: BaseException | None) -> Verdict:
    words = one_line(error)
    if isinstance(error, anymail.AnymailRecipientsRefused):
        return Verdict(Fate.REFUSED, one_line(f"{words} {_answer_text(error)}"))
    if isinstance(error, anymail.AnymailUnsupportedFeature):
        return Verdict(Fate.NOT_WITH_ATTACHMENT, words)
    if not isinstance(error, anymail.AnymailAPIError):
        return Verdict(Fate.NOT_SENT, words)  # what it was given could not be made a request of
    status = _http_status(error)
    fate = _fate_of_any(error, before) if status is None else _fate_of_answer(status, words)
    return Verdict(fate, words)


def _http_status(error: Any) -> int | None:
    """Return the status of a provider's answer; None if there was none."""
    if error.status_code is not None:
        return error.status_code
    if isinstance(error.response, dict):  # as botocore has it
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return None


def _answer_text(error: Any) -> str:
    return getattr(error.response, "text", "") or ""


def _fate_of_answer(status: int, words: str) -> Fate:
    if status in SURELY_NOTHING_DONE:
        return Fate.NOT_SENT
    if not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fate.UNCERTAIN  # taken, with an answer that cannot be read; or it failed at who knows which point
    is_attachment = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or (
        status not in ABOUT_SENDER and ABOUT_ATTACHMENTS.search(words)
    )
    return Fate.NOT_WITH_ATTACHMENT if is_attachment else Fate.NOT_SENT


def _fate_of_any(error: Exception, before: BaseException | None) -> Fate:
    chain = list(_chain(error, before))
    # One try of several may have met no server, and another one that took the mail and did not answer.
    is_unanswered = any(_is_named(found, NO_ANSWER) for found in chain)
    return Fate.NOT_SENT if not is_unanswered and any(map(_is_before_sending, chain)) else Fate.UNCERTAIN


def _is_before_sending(error: BaseException) -> bool:
    """Tell whether an error says that the sending had not begun."""
    if isinstance(error, ImportError | ImproperlyConfigured | socket.gaierror | ssl.SSLCertVerificationError):
        return True
    if _is_named(error, NEVER_CONNECTED):
        return True
    return isinstance(error, OSError) and error.errno in NEVER_BEGUN


def _is_named(error: BaseException, names: frozenset[str]) -> bool:
    return any(base.__name__ in names for base in type(error).__mro__)


def _chain(error: BaseException, before: BaseException | None) -> Iterator[BaseException]:
    """Give an error and those that it came from, but for one from before and what that came from."""
    seen: list[BaseException] = [] if before is None else [before]
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is not None and not any(found is known for known in seen):
            seen.append(found)
            yield found
            waiting += [found.__cause__, found.__context__]


def _decoded(answer: bytes | str) -> str:
    return one_line(answer.decode(errors="replace") if isinstance(answer, bytes) else answer)
