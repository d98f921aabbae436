"""What errors of mail backends say of a mail: those that no server on loopback can be made to give."""

from __future__ import annotations

import ssl
from smtplib import SMTPAuthenticationError, SMTPNotSupportedError, SMTPServerDisconnected

import pytest
import requests
from anymail.exceptions import AnymailAPIError, AnymailInvalidAddress, AnymailSerializationError
from django.core import mail
from django.core.exceptions import ImproperlyConfigured

from brokerless.exports.mailing.errors import Fate, judge, one_line
from brokerless.exports.models import Delivery
from tests.exporting.mailing import ANN, BEN, mail_in_vain, mail_to, make_file, statuses

Status = Delivery.Status
BACKENDS = "tests.exporting.mail_backends"


class EndpointConnectionError(Exception):
    """As botocore names it."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def from_amazon(status: int, code: str = "MessageRejected", text: str = "no") -> AnymailAPIError:
    answer = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return AnymailAPIError(f"An error occurred ({code}): {text}", response=answer)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (ImportError("No module named 'no'"), Fate.NOT_SENT),
        (ImproperlyConfigured("no key"), Fate.NOT_SENT),
        (SMTPAuthenticationError(535, b"wrong"), Fate.NOT_SENT),
        (SMTPNotSupportedError("no STARTTLS"), Fate.NOT_SENT),
        (ssl.SSLCertVerificationError("expired"), Fate.NOT_SENT),
        (OSError(28, "No space left on device"), Fate.NOT_SENT),
        (AnymailInvalidAddress("no address"), Fate.NOT_SENT),
        (AnymailSerializationError("no JSON"), Fate.NOT_SENT),
        (requests.ConnectTimeout("timed out"), Fate.NOT_SENT),
        (from_amazon(400), Fate.NOT_SENT),
        (
            from_amazon(400, text="Message length exceeds 10485760 bytes"),
            Fate.NOT_WITH_ATTACHMENT,
        ),
        (from_amazon(413), Fate.NOT_WITH_ATTACHMENT),
        (caused(AnymailAPIError("no way"), EndpointConnectionError("no way")), Fate.NOT_SENT),
        (from_amazon(500), Fate.UNCERTAIN),
        (caused(AnymailAPIError("slow"), TimeoutError("slow")), Fate.UNCERTAIN),
        (requests.ReadTimeout("timed out"), Fate.UNCERTAIN),
        (caused(requests.ReadTimeout("timed out"), ConnectionRefusedError(111, "first try")), Fate.UNCERTAIN),
        (caused(requests.ConnectionError("no"), EndpointConnectionError("no way")), Fate.NOT_SENT),
        (caused(AnymailAPIError("slow"), requests.ReadTimeout("timed out")), Fate.UNCERTAIN),
        (ConnectionResetError(104, "Connection reset by peer"), Fate.UNCERTAIN),
        (SMTPServerDisconnected("from code that is not smtplib's"), Fate.UNCERTAIN),
        (KeyError("an answer that was not understood"), Fate.UNCERTAIN),
        (ValueError("no JSON"), Fate.UNCERTAIN),
    ],
    ids=repr,
)
def test_only_what_is_surely_unsent_may_be_sent_again(error, fate):
    assert judge(error).fate is fate


@pytest.mark.django_db
def test_an_error_from_before_the_mail_says_nothing_of_it(backend_told):
    """As when somebody mails an export on account of an error."""

    def fail(_message):
        raise KeyError("an answer that was not understood")

    backend_told[ANN] = fail
    record = make_file()
    try:
        raise ConnectionRefusedError(111, "of another server")
    except OSError:
        said = mail_in_vain(record)
    assert "may have been delivered" in said
    assert statuses(record) == {ANN: Status.UNCERTAIN}


def test_an_error_that_came_from_itself_is_looked_at_once():
    error = ValueError("round")
    error.__context__ = other = KeyError("and round")
    other.__context__ = error
    assert judge(error).fate is Fate.UNCERTAIN


@pytest.mark.parametrize(("error", "words"), [(ValueError("a\n  b"), "a b"), (ValueError(), "ValueError")])
def test_an_error_has_one_line_of_words(error, words):
    assert one_line(error) == words


@pytest.mark.django_db
def test_a_backend_of_anymail_that_takes_it_sends_the_mail(settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    mail_to(make_file())
    (message,) = mail.outbox
    assert message.anymail_status.status == {"sent"}
    (attachment,) = message.anymail_test_params["attachments"]
    assert attachment.mimetype == "application/gzip"
    assert "html_body" in message.anymail_test_params


@pytest.mark.django_db
@pytest.mark.parametrize("is_ignored", [False, True])
def test_recipients_that_anymail_calls_rejected_are_refused(settings, is_ignored):
    settings.EMAIL_BACKEND = f"{BACKENDS}.RefusingBackend"
    settings.ANYMAIL = {"IGNORE_RECIPIENT_STATUS": is_ignored}
    record = make_file()
    assert f"{ANN} was refused, and is not tried again: " in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.REFUSED}


@pytest.mark.django_db
def test_a_mail_that_anymail_calls_failed_waits(settings):
    settings.EMAIL_BACKEND = f"{BACKENDS}.FailedBackend"
    record = make_file()
    assert "was not sent: failed" in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}


@pytest.mark.django_db
def test_an_attachment_that_anymail_does_not_support_becomes_a_link(settings):
    settings.EMAIL_BACKEND = f"{BACKENDS}.RefusingAttachments"
    mail_to(make_file(), ANN, BEN)
    assert [message.attachments for message in mail.outbox] == [[], []]
    assert "/exports/shared/" in mail.outbox[0].body


@pytest.mark.django_db
def test_an_error_that_nobody_knows_leaves_it_uncertain(settings):
    settings.EMAIL_BACKEND = f"{BACKENDS}.FailingBackend"
    record = make_file()
    assert "may have been delivered, and is not sent again: quota exceeded" in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.UNCERTAIN}


@pytest.mark.django_db
def test_a_backend_that_does_not_exist_is_said(settings):
    settings.EMAIL_BACKEND = "no.such.Backend"
    record = make_file()
    assert "was not sent: No module named 'no'" in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}
