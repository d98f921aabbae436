"""A line of cron is enough: a recorded run in cron's bare environment, from whatever directory."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.exporting.making import make_many_books
from tests.real_processes import describe
from tests.system.cron import Cron
from tests.system.mailbox import Mailbox
from tests.system.running_site import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real_processes import RealProcesses

MANAGE_PY = Path(__file__).parents[2] / "manage.py"
LONGEST = 60.0  # seconds
# What the site has in its .env file; the rest of the environment is cron's.
KEPT = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "RUNTIME_DIR", "EXPORTS_DIR", "TEST_BROKERLESS")


@pytest.fixture
def cron(tmp_path: Path) -> Iterator[Cron]:
    running = Cron(tmp_path / "cron")
    yield running
    running.stop()


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box, port
    server.stop()


def test_a_line_of_cron_leaves_row_log_and_mail_and_errors_reach_crons_own_mail(
    processes: RealProcesses, cron: Cron, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    make_many_books(25)
    environment = processes.environment(KEPT) | {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    # At its start, and not at the next full minute: all else is as of any line.
    run = f"@reboot root {sys.executable} {MANAGE_PY} export_books"
    cron.start(
        [
            *(f"{name}={value}" for name, value in environment.items()),
            f"{run} --published-after 1 --email team@example.org",
            f"{run} --published-after 2 --verbosity 0",
            f"{run} --output /no/such/directory/books.csv.gz --verbosity 0",
        ]
    )

    def are_there() -> bool:
        assert cron.is_running()
        ended = TaskState.objects.filter(finished_at__isnull=False).count()
        is_mailed = all(text in cron.mail() for text in ("--published-after 1", "/no/such/directory"))
        return ended >= 3 and bool(box.mails) and is_mailed

    eventually(are_there, within=LONGEST, why="the lines have run, and cron has mailed")
    cron.stop()

    mailed, quiet, failed = (
        _row(text) for text in ("team@example.org", '"published_after": "2"', "/no/such/directory")
    )
    assert (mailed.status, mailed.exit_code, mailed.by_hand) == ("SUCCESSFUL", 0, True), describe(mailed)
    assert mailed.result["rows"] == 25
    assert processes.log(mailed).decode().endswith("Mailed to team@example.org.\n")
    assert box.recipients[0] == ["team@example.org"]
    assert (quiet.status, processes.log(quiet)) == ("SUCCESSFUL", b""), describe(quiet)
    assert (failed.status, failed.exit_code) == ("FAILED", 1)
    assert "/no/such/directory/books.csv.gz cannot be written" in failed.error_title
    mail = cron.mail()
    assert "CommandError: /no/such/directory/books.csv.gz cannot be written" in mail
    # Who says nothing is not mailed.
    assert "--published-after 2" not in mail


def _row(text: str) -> TaskState:
    """Return the first run whose options hold a text."""
    return next(task for task in TaskState.objects.order_by("created_at") if text in json.dumps(task.options))
