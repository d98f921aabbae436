"""Mail over a socket: to SMTP servers on loopback, and to what stands in for a provider's HTTP interface."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from base64 import b64decode
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller
from django.core.management import CommandError

from brokerless.exports.models import ExportFile
from tests.exporting.making import make_many_books
from tests.exporting.reading import read_csv, stored_bytes

pytestmark = pytest.mark.django_db

TO_ANN = ("--email", "ann@example.org")


class Mailbox:
    """Takes every mail."""

    def __init__(self) -> None:
        self.envelopes = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


class NobodyThere(Mailbox):
    """Knows none of the recipients."""

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        return "550 no such mailbox here"


class TooLarge(Mailbox):
    """Takes the recipients and refuses the mail."""

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        return "552 too large"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def smtp(settings):
    """Return the function that starts an SMTP server to which mail goes from then on."""
    servers = []

    def start(mailbox):
        server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
        server.start()
        servers.append(server)
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        return mailbox

    yield start
    for server in servers:
        server.stop()


def test_an_smtp_server_gets_the_file(export, smtp):
    make_many_books(3)
    mailbox = smtp(Mailbox())
    out, _ = export(*TO_ANN, "--email", "ben@example.org")
    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == ["ann@example.org", "ben@example.org"]
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == "Your export: Books"
    assert message["From"] == "library@localhost"
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == ExportFile.objects.get().name
    assert attachment.get_content_type() == "application/gzip"
    assert len(read_csv(gzip.decompress(attachment.get_content()))) == 3
    assert out.endswith("Mailed to ann@example.org, ben@example.org.\n")


@pytest.mark.parametrize(
    ("mailbox", "reason"), [(NobodyThere, "no such mailbox here"), (TooLarge, "too large")], ids=["rcpt", "data"]
)
def test_a_server_that_refuses_is_quoted_and_the_file_is_kept(export, smtp, mailbox, reason):
    smtp(mailbox())
    with pytest.raises(CommandError, match=rf"^The file is ready, but .* was not sent: .*{reason}"):
        export(*TO_ANN)
    assert ExportFile.objects.get().is_ready


def test_a_server_that_is_not_there_is_said_and_the_file_is_kept(export, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    with pytest.raises(CommandError, match=r"was not sent: .*Connection refused"):
        export(*TO_ANN)
    assert ExportFile.objects.get().is_ready


def test_a_directory_of_mails_that_cannot_be_made_is_said(export, settings, tmp_path):
    (tmp_path / "file").write_text("in the way")
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "file"
    with pytest.raises(CommandError, match="was not sent: "):
        export(*TO_ANN)
    assert ExportFile.objects.get().is_ready


class Provider(HTTPServer):
    """Stands in for Postmark: notes what it is asked, and gives one answer."""

    def __init__(self, status: int, answer: dict) -> None:
        self.asked = []
        self.status, self.answer = status, json.dumps(answer).encode()
        super().__init__(("127.0.0.1", 0), ProviderHandler)


class ProviderHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def postmark(settings):
    """Return the function that starts a stand-in for Postmark, configured as the environment would do it."""
    running = []

    def start(status: int = 200, **answer) -> Provider:
        provider = Provider(status, answer)
        thread = threading.Thread(target=provider.serve_forever)
        thread.start()
        running.append((provider, thread))
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "a token",
            "POSTMARK_API_URL": f"http://127.0.0.1:{provider.server_port}/",
        }
        return provider

    yield start
    for provider, thread in running:
        provider.shutdown()
        thread.join()
        provider.server_close()


def test_a_provider_gets_the_file(export, postmark):
    provider = postmark(ErrorCode=0, Message="OK", MessageID="1", To="ann@example.org")
    export(*TO_ANN)
    ((path, headers, body),) = provider.asked
    assert path == "/email"
    assert headers["X-Postmark-Server-Token"] == "a token"
    assert (body["To"], body["Subject"]) == ("ann@example.org", "Your export: Books")
    (attachment,) = body["Attachments"]
    assert attachment["ContentType"] == "application/gzip"
    assert b64decode(attachment["Content"]) == stored_bytes(ExportFile.objects.get())


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (401, {"ErrorCode": 10, "Message": "Bad token"}, "Bad token"),
        (500, {}, "500"),
        (
            422,
            {"ErrorCode": 406, "Message": "Found inactive addresses: ann@example.org. Inactive recipients"},
            "rej",
        ),
    ],
)
def test_a_provider_that_refuses_is_quoted_and_the_file_is_kept(export, postmark, status, answer, reason):
    postmark(status, **answer)
    with pytest.raises(CommandError, match=rf"(?s)^The file is ready, but .* was not sent: .*{reason}"):
        export(*TO_ANN)
    assert ExportFile.objects.get().is_ready
