"""Mail by a provider's HTTP interface, through Anymail: the request as it is sent, and every way it can fail."""

from __future__ import annotations

import socket
from base64 import b64decode

import pytest

from brokerless.exports.models import Delivery
from tests.exporting.mail_provider import DROP, HANG, TAKEN, TOKEN, Provider
from tests.exporting.mailing import ANN, BEN, CONTENT, TITLE, mail_in_vain, mail_to, make_file, statuses

pytestmark = pytest.mark.django_db

Status = Delivery.Status
TIMEOUT = 0.3  # seconds


@pytest.fixture
def postmark(settings):
    """Return the function that starts a stand-in for Postmark, configured as the environment would do it."""
    running = []

    def start(*answers) -> Provider:
        provider = Provider(*answers)
        running.append(provider)
        use(provider.url, settings)
        return provider

    yield start
    for provider in running:
        provider.stop()
        assert provider.faults == []


def use(url: str, settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": TOKEN, "POSTMARK_API_URL": url, "REQUESTS_TIMEOUT": TIMEOUT}


def refusal(code: int, message: str) -> tuple[int, dict]:
    return 422, {"ErrorCode": code, "Message": message}


def test_the_provider_gets_the_file_in_one_request_per_recipient(postmark):
    provider = postmark()
    record = make_file()
    mail_to(record, ANN, BEN)
    assert [body["To"] for body in provider.mails] == [ANN, BEN]
    body = provider.mails[0]
    assert body["Subject"] == f"Your export: {TITLE}"
    assert record.sha256 in body["TextBody"]
    assert record.sha256 in body["HtmlBody"]
    (attachment,) = body["Attachments"]
    assert (attachment["Name"], attachment["ContentType"]) == (record.name, "application/gzip")
    assert b64decode(attachment["Content"]) == CONTENT
    assert {"Name": "Auto-Submitted", "Value": "auto-generated"} in body["Headers"]


def test_an_uncompressed_file_keeps_every_byte(postmark):
    provider, content = postmark(), "\ufefftitle\na\r\nb\n".encode()
    mail_to(make_file(content, name="books.csv", format="csv"))
    (attachment,) = provider.mails[0]["Attachments"]
    assert attachment["ContentType"].startswith("text/csv")
    assert b64decode(attachment["Content"]) == content


def test_what_is_attached_by_the_greatest_limit_fits_the_provider(postmark, settings):
    settings.EXPORTS = settings.EXPORTS | {"ATTACHMENT_LIMIT": 50_000_000}
    provider = postmark()
    mail_to(make_file(b"x" * 7_200_000))
    assert "Attachments" in provider.mails[0]  # and the stand-in found it small enough
    mail_to(make_file(b"x" * 7_500_000))
    assert "Attachments" not in provider.mails[1]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(300, "Invalid attachment: the file extension .gz is not allowed."),
        refusal(300, "Attachments are too large: 12 MB exceeds 10 MB."),
        (413, "Payload Too Large"),
    ],
)
def test_a_refused_attachment_becomes_a_link_for_everybody(postmark, answer):
    provider = postmark(answer)
    record = make_file()
    mail_to(record, ANN, BEN)
    assert [(body["To"], "Attachments" in body) for body in provider.mails] == [
        (ANN, True),
        (ANN, False),
        (BEN, False),
    ]
    assert "/exports/shared/" in provider.mails[1]["TextBody"]
    assert list(Delivery.objects.values_list("status", "is_link")) == [(Status.SENT, True)] * 2


def test_a_link_that_is_refused_too_is_not_tried_for_ever(postmark):
    again = refusal(300, "Attachments are not allowed.")
    provider = postmark(again, again)
    record = make_file()
    assert "was not sent" in mail_in_vain(record)
    assert len(provider.mails) == 2
    assert statuses(record) == {ANN: Status.WAITING}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"ErrorCode": 10, "Message": "Bad token"}), "Bad token"),
        ((403, {"Message": "No attachments in a trial"}), "No attachments in a trial"),
        ((429, {"Message": "Too many requests"}), "Too many requests"),
        ((503, "Down for maintenance"), "Down for maintenance"),
        (refusal(405, "Not allowed to send: out of credits."), "out of credits"),
    ],
)
def test_a_refusal_is_quoted_and_the_next_attempt_sends_the_mail(postmark, answer, words):
    provider = postmark(answer)
    record = make_file()
    text = mail_in_vain(record)
    assert text.startswith(f"The file is ready, but the mail to {ANN} was not sent: ")
    assert words in text
    assert "\n" not in text
    assert TOKEN not in text
    assert statuses(record) == {ANN: Status.WAITING}
    mail_to(record)
    assert len(provider.mails) == 2


@pytest.mark.parametrize(
    "answer",
    [
        refusal(406, f"Found inactive addresses: {ANN}. Inactive recipients are ones that have a hard bounce."),
        refusal(300, f"Invalid 'To' address: '{ANN}'."),
    ],
)
def test_a_refused_recipient_is_not_tried_again_and_the_others_get_theirs(postmark, answer):
    provider = postmark(answer)
    record = make_file()
    for _ in range(2):
        text = mail_in_vain(record, ANN, BEN)
        assert f"{ANN} was refused, and is not tried again: " in text
        assert answer[1]["Message"] in text
    assert [body["To"] for body in provider.mails] == [ANN, BEN]
    assert statuses(record) == {ANN: Status.REFUSED, BEN: Status.SENT}


@pytest.mark.parametrize(
    "answer", [HANG, DROP, (500, {}), (502, "Bad Gateway"), (504, ""), (200, "no JSON"), (200, {"Message": 1})]
)
def test_a_mail_that_may_have_been_taken_is_not_sent_again(postmark, answer):
    provider = postmark(answer)
    record = make_file()
    for _ in range(2):
        assert "may have been delivered, and is not sent again: " in mail_in_vain(record)
    assert len(provider.mails) == 1
    assert statuses(record) == {ANN: Status.UNCERTAIN}


def test_the_time_out_is_said(postmark):
    postmark(HANG)
    assert "timed out" in mail_in_vain(make_file()).lower()


def test_a_provider_that_is_not_there_got_nothing_and_the_next_attempt_sends_the_mail(postmark, settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    use(f"http://127.0.0.1:{port}/", settings)
    record = make_file()
    assert "was not sent: " in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}
    provider = postmark(TAKEN)
    mail_to(record)
    assert len(provider.mails) == 1


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/", "no-scheme/"])
def test_an_address_that_leads_nowhere_is_no_uncertainty(settings, url):
    use(url, settings)
    record = make_file()
    assert "was not sent: " in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}


def test_a_missing_setting_of_the_provider_is_said(settings):
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {}
    record = make_file()
    assert "POSTMARK_SERVER_TOKEN" in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}
