"""Mail servers on loopback: one that takes every mail, and one that does what it is told at each command."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import EmailMessage

# Instead of an answer: none as long as the client waits; the end of the connection.
HANG, DROP = "hang", "drop"
END_OF_MAIL = b".\r\n"
# What a command that has no answer of its own is answered with; `.` is the end of a mail.
USUAL = {"EHLO": "250 here", "DATA": "354 go on", "QUIT": "221 bye"}


class SmtpServer(socketserver.ThreadingTCPServer):
    """Answers each command as it was told, by the command's name and by how often it has come, and else with 250.

    mails: what it took. asked: every command that came. connections: how many there were.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, **answers: str | list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answers = {name: [each] if isinstance(each, str) else list(each) for name, each in answers.items()}
        self.envelopes: list[tuple[str, bytes]] = []
        self.asked: list[str] = []
        self.connections = 0
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=policy.default) for _, content in self.envelopes]

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.envelopes]

    def answer(self, name: str) -> str:
        """Return the next answer; the last is given again and again."""
        self.asked.append(name)
        waiting = self.answers.get(name, [USUAL.get(name, "250 OK")])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self.server.connections += 1
        self.recipient = ""
        self._say("220 here")
        while (line := self.rfile.readline()) and self._is_going_on(line):
            pass

    def _is_going_on(self, line: bytes) -> bool:
        name = line[:4].decode().strip().upper()
        if name == "RCPT":
            self.recipient = line.decode().partition("<")[2].partition(">")[0]
        answer = self.server.answer(name)
        if not self._say(answer) or name == "QUIT":
            return False
        return self._take_mail() if answer.startswith("354") else True

    def _take_mail(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) not in (END_OF_MAIL, b""):
            lines.append(line)
        answer = self.server.answer("END")
        if answer.startswith("250"):
            self.server.envelopes.append((self.recipient, b"".join(lines)))
        return self._say(answer)

    def _say(self, answer: str) -> bool:
        """Answer, and tell whether the conversation goes on."""
        if answer == HANG:
            self.rfile.read()  # until the client has given up
        if answer in {HANG, DROP}:
            return False
        self.wfile.write(f"{answer}\r\n".encode())
        return True
