"""What stands in for Postmark on loopback: checks and notes what it is asked, and answers as it was told."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "a token"
TAKEN = (200, {"ErrorCode": 0, "Message": "OK", "MessageID": "1"})
HANG, DROP = "hang", "drop"  # instead of an answer: none as long as the client waits; the end of the connection
# Postmark's own limit of a whole mail, with the attachments in base64.
LARGEST = 10_000_000  # bytes


class Provider(ThreadingHTTPServer):
    """Answers requests in turn as it was told, and then as Postmark answers a mail that it takes.

    mails: the bodies of the requests that were as Postmark wants them. faults: what was wrong with others.
    """

    daemon_threads = True

    def __init__(self, *answers: tuple[int, Any] | str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.mails: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Provider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(text)
        if fault := self._fault(text, body):
            self.server.faults.append(fault)
        self.server.mails.append(body)
        answer = self.server.answers.pop(0) if self.server.answers else TAKEN
        if answer == HANG:
            self.rfile.read(1)  # until the client has given up
        if isinstance(answer, str):
            self.close_connection = True
        else:
            self._answer(*answer, to=body["To"])

    def _fault(self, text: bytes, body: dict[str, Any]) -> str:
        """Say what Postmark would find wrong with a request; nothing if it is as it should be."""
        wanted = {"/email": self.path, TOKEN: self.headers["X-Postmark-Server-Token"]}
        wanted |= {"application/json": self.headers["Content-Type"].partition(";")[0]}
        for right, found in wanted.items():
            if right != found:
                return f"{found!r} instead of {right!r}"
        if missing := {"From", "To", "Subject", "TextBody", "HtmlBody"} - body.keys():
            return f"without {missing}"
        if "," in body["To"] or body.keys() & {"Cc", "Bcc"}:
            return "several recipients"
        for attached in body.get("Attachments", ()):
            if attached.keys() != {"Name", "Content", "ContentType"} or not b64decode(
                attached["Content"], validate=True
            ):
                return f"an attachment with {sorted(attached)}"
        return f"{len(text)} bytes" if len(text) > LARGEST else ""

    def _answer(self, status: int, values: Any, *, to: str) -> None:
        content = values.encode() if isinstance(values, str) else json.dumps(values | {"To": to}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
