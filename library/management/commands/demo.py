"""Show the whole story on this machine: `make demo`."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from brokerless.exports.files.storing import local_path
from brokerless.exports.models import ExportFile
from library.demo import PASSWORD, USER_NAME, DemoError, Visitor, create_user, running_site
from library.models import Book

if TYPE_CHECKING:
    from argparse import ArgumentParser

GENERATED_BOOKS = 50_000
FILE_BACKEND = "django.core.mail.backends.filebased.EmailBackend"


class Command(BaseCommand):
    help = "Fill the database, start the site, and let a visitor export all books with a mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="The port of the site (default: 8000).")
        parser.add_argument("--once", action="store_true", help="Stop everything when the export is done.")

    def handle(self, *, port: int, once: bool, **_: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demonstration makes an account with a known password: it needs DEBUG=1.")
        _check_port(port)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the server, as Ctrl-C does
        self._fill_database()
        try:
            with running_site(port) as url:
                self._tell_story(Visitor(url))
                if not once:
                    self._stay(url)
        except DemoError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("\nStopped.")

    def _fill_database(self) -> None:
        call_command("migrate", verbosity=0)
        call_command("load_books", sample=True, verbosity=0)
        missing = GENERATED_BOOKS - Book.objects.filter(source_id=None).count()
        if missing > 0:
            self.stdout.write(f"Generating {missing:,} books …")
            call_command("generate_books", missing, verbosity=0)
        create_user()

    def _tell_story(self, visitor: Visitor) -> None:
        began = time.time()
        visitor.log_in()
        task_url = visitor.ask_for_export()
        task = visitor.watch(task_url, self._show_progress)
        if task["status"] != "SUCCESSFUL":
            raise CommandError(f"task: {task_url} {task['status']}: {(task['error'] or {}).get('title', '')}")
        record = ExportFile.objects.get(pk=task["result"]["file"])
        self.stdout.write(f"task: {task_url} {task['status']}")
        self.stdout.write(f"file: {local_path(record)} rows={record.rows} bytes={record.bytes}")
        self.stdout.write(f"mail: {_newest_mail(since=began)}")

    def _show_progress(self, task: dict[str, Any]) -> None:
        progress = task["progress"]
        numbers = f" {progress['percent']} % of {progress['total']:,} {progress['unit']}" if progress else ""
        self.stdout.write(f"{task['status_label']}{numbers}")

    def _stay(self, url: str) -> None:
        self.stdout.write(f"\nTry it by hand: {url}/ (user {USER_NAME}, password {PASSWORD}). Ctrl-C stops it.")
        sys.stdout.flush()
        while True:
            signal.pause()


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As the server itself does: a connection that was closed just now does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise CommandError(f"Port {port} cannot be used ({reason}): choose another with PORT=8001.") from error


def _newest_mail(*, since: float) -> str:
    """Return the path of the mail that was written since, or where it went instead of into a file."""
    if settings.EMAIL_BACKEND != FILE_BACKEND:
        return f"sent through {settings.EMAIL_BACKEND}"
    mails = [path for path in Path(settings.EMAIL_FILE_PATH).iterdir() if path.stat().st_mtime >= since - 1]
    if not mails:
        raise CommandError(f"There is no mail in {settings.EMAIL_FILE_PATH}.")
    return str(max(mails, key=lambda path: path.stat().st_mtime))
