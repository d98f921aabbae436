"""Mail over SMTP: to a real server on loopback, and to one that fails at each step."""

from __future__ import annotations

import socket
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from brokerless.exports.models import Delivery
from tests.exporting.mail_servers import DROP, HANG, SmtpServer
from tests.exporting.mailing import (
    ANN,
    BEN,
    CONTENT,
    EVE,
    TITLE,
    mail_in_vain,
    mail_to,
    make_file,
    parts_of,
    statuses,
)

pytestmark = pytest.mark.django_db

Status = Delivery.Status
TIMEOUT = 0.3  # seconds


class Mailbox:
    """Takes every mail."""

    def __init__(self) -> None:
        self.envelopes = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def use(port: int, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, TIMEOUT


@pytest.fixture
def mailbox(settings):
    """Return the function that starts a real SMTP server to which mail goes from then on."""
    servers = []

    def start(**keywords) -> Mailbox:
        box = Mailbox()
        server = Controller(box, hostname="127.0.0.1", port=free_port(), **keywords)
        server.start()
        servers.append(server)
        use(server.port, settings)
        settings.EMAIL_TIMEOUT = 30
        return box

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def told(settings):
    """Return the function that starts a server which answers as it is told."""
    servers = []

    def start(**answers) -> SmtpServer:
        server = SmtpServer(**answers)
        servers.append(server)
        use(server.server_address[1], settings)
        return server

    yield start
    for server in servers:
        server.stop()


def test_a_real_server_gets_a_mail_for_each_with_text_html_and_the_file(mailbox):
    box, record = mailbox(), make_file()
    mail_to(record, ANN, BEN)
    assert [envelope.rcpt_tos for envelope in box.envelopes] == [[ANN], [BEN]]
    message = message_from_bytes(box.envelopes[0].content, policy=policy.default)
    assert (message["Subject"], message["To"]) == (f"Your export: {TITLE}", ANN)
    assert message["From"] == "library@localhost"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html, attachments = parts_of(message)
    assert record.sha256 in text
    assert record.sha256 in html
    assert attachments == [(record.name, "application/gzip", CONTENT)]


@pytest.mark.parametrize("content", [b"title\na\r\nb\rc\n", "\ufefftitle\n.\n..\n".encode(), b"\n" + b"x" * 5000])
def test_an_uncompressed_file_arrives_with_every_byte(mailbox, content):
    box = mailbox()
    mail_to(make_file(content, name="books.csv", format="csv"))
    *_, attachments = parts_of(message_from_bytes(box.envelopes[0].content, policy=policy.default))
    assert attachments == [("books.csv", "text/csv", content)]


def test_a_server_that_says_its_limit_before_the_mail_gets_a_link(mailbox):
    box, record = mailbox(data_size_limit=20_000), make_file(b"x" * 30_000)
    mail_to(record, ANN, BEN)
    for envelope in box.envelopes:
        text, _, attachments = parts_of(message_from_bytes(envelope.content, policy=policy.default))
        assert "/exports/shared/" in text
        assert attachments == []
    assert len(box.envelopes) == 2
    assert set(Delivery.objects.values_list("is_link", flat=True)) == {True}


@pytest.mark.parametrize(
    "answers",
    [
        {"MAIL": ["552 5.3.4 not that much", "250 OK"]},
        {"END": ["552 no", "250 OK"]},
        {"END": ["554 5.7.1 attachments of this type are not taken", "250 OK"]},
        {"END": ["554 5.2.3 message size exceeds fixed limit", "250 OK"]},
    ],
    ids=["announced", "too large", "of that type", "in other words"],
)
def test_a_refused_attachment_becomes_a_link(told, answers):
    server, record = told(**answers), make_file()
    mail_to(record)
    (message,) = server.mails
    assert "/exports/shared/" in parts_of(message)[0]
    assert parts_of(message)[2] == []
    assert statuses(record) == {ANN: Status.SENT}


def test_a_refusal_for_another_reason_does_not_become_a_link(told):
    server = told(END="554 5.7.1 spam")
    assert "was not sent: 554 5.7.1 spam" in mail_in_vain(make_file())
    assert server.connections == 1


@pytest.mark.parametrize("answer", ["550 no such mailbox here", "550 5.1.1 unknown user", "553 no mailbox"])
def test_a_recipient_that_the_server_does_not_know_is_not_tried_again(told, answer):
    server, record = told(RCPT=[answer, "250 OK"]), make_file()
    for _ in range(2):
        assert f"{ANN} was refused, and is not tried again: {answer}" in mail_in_vain(record, ANN, BEN)
    assert server.recipients == [BEN]
    assert statuses(record) == {ANN: Status.REFUSED, BEN: Status.SENT}


@pytest.mark.parametrize(
    "answers",
    [
        {"RCPT": ["450 greylisted", "250 OK"]},
        {"RCPT": ["550 5.7.1 relaying denied", "250 OK"]},
        {"RCPT": ["550 relay not permitted", "250 OK"]},
        {"RCPT": ["554 access denied", "250 OK"]},
        {"MAIL": ["451 busy", "250 OK"]},
        {"MAIL": ["530 authentication required", "250 OK"]},
        {"DATA": ["451 busy", "354 go on"]},
        {"END": ["451 full", "250 OK"]},
        {"EHLO": [DROP, "250 here"]},
        {"MAIL": [DROP, "250 OK"]},
        {"RCPT": [DROP, "250 OK"]},
        {"MAIL": [HANG, "250 OK"]},
    ],
    ids=str,
)
def test_what_was_surely_not_sent_is_sent_by_the_next_attempt(told, answers):
    server, record = told(**answers), make_file()
    assert f"the mail to {ANN} was not sent: " in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}
    mail_to(record)
    assert server.recipients == [ANN]
    assert statuses(record) == {ANN: Status.SENT}


@pytest.mark.parametrize("end", [DROP, HANG])
def test_a_mail_that_was_handed_over_without_an_answer_is_not_sent_again(told, end):
    server, record = told(END=[end, "250 OK"]), make_file()
    for _ in range(2):
        assert f"the mail to {ANN} may have been delivered, and is not sent again: " in mail_in_vain(record)
    assert server.mails == []
    assert statuses(record) == {ANN: Status.UNCERTAIN}


def test_after_a_connection_that_broke_the_next_recipient_has_a_new_one(told):
    server, record = told(END=[DROP, "250 OK"]), make_file()
    mail_in_vain(record, ANN, BEN)
    assert (server.recipients, server.connections) == ([BEN], 2)
    assert statuses(record) == {ANN: Status.UNCERTAIN, BEN: Status.SENT}


def test_all_mails_go_over_one_connection(told):
    server = told()
    mail_to(make_file(), ANN, BEN, EVE)
    assert (server.recipients, server.connections) == ([ANN, BEN, EVE], 1)


@pytest.mark.parametrize("answer", ["421 too many mails", DROP])
def test_a_server_that_takes_a_mail_per_connection_gets_each(told, answer):
    server = told(MAIL=["250 OK", answer, "250 OK", answer, "250 OK"])
    mail_to(make_file(), ANN, BEN, EVE)
    assert (server.recipients, server.connections) == ([ANN, BEN, EVE], 3)


def test_a_server_that_is_not_there_is_said(settings):
    use(free_port(), settings)
    record = make_file()
    assert "Connection refused" in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}


def test_a_directory_of_mails_that_cannot_be_made_is_said(settings, tmp_path):
    (tmp_path / "file").write_text("in the way")
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "file"
    record = make_file()
    assert "was not sent: " in mail_in_vain(record)
    assert statuses(record) == {ANN: Status.WAITING}
