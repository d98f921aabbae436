"""Exports by mail: to a real SMTP server on loopback, and to one that is not there."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
from typing import TYPE_CHECKING

from aiosmtpd.controller import Controller

from tests.eventually import eventually
from tests.exporting.mail_servers import HANG, SmtpServer
from tests.system.running_site import finished, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.mailbox import Mailbox
    from tests.system.running_site import RunningSite


def test_an_export_is_mailed_with_its_file(
    new_site: Callable[..., RunningSite], smtp_url: str, mailbox: Mailbox
) -> None:
    site = new_site(EMAIL_URL=smtp_url)
    site.start()
    visitor = site.visitor()

    task = finished(visitor, site.ask_for_export(visitor, language="rus", email_me=True))

    assert task["status"] == "SUCCESSFUL", task
    assert mailbox.recipients == [["ann@example.org"]]
    attachment = next(iter(mailbox.mails[0].iter_attachments()))
    assert attachment.get_content_type() == "application/gzip"
    assert attachment.get_filename() == task["result"]["name"]
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(attachment.get_content()).decode())))
    assert len(rows) == task["result"]["rows"]
    assert {row["language"] for row in rows} == {"rus"}


def test_a_run_by_hand_is_mailed_to_each_that_is_named(
    new_site: Callable[..., RunningSite], smtp_url: str, mailbox: Mailbox
) -> None:
    site = new_site(EMAIL_URL=smtp_url)

    site.manage_well(
        "export_books", "--language", "fre", "--email", "ann@example.org", "--email", "bob@example.org"
    )

    assert mailbox.recipients == [["ann@example.org"], ["bob@example.org"]]


def test_a_mail_server_that_is_away_leaves_the_file_to_be_fetched(new_site: Callable[..., RunningSite]) -> None:
    site = new_site(EMAIL_URL=f"smtp://127.0.0.1:{free_port()}")
    site.start()
    visitor = site.visitor()
    task_url = site.ask_for_export(visitor, language="rus", email_me=True)

    task = finished(visitor, task_url)

    assert task["status"] == "FAILED"
    assert "The file is ready, but the mail to ann@example.org was not sent" in task["error"]["title"]
    assert visitor.get(site.url + task["links"]["download"]).status_code == 200
    page = visitor.get(task_url).text
    assert "Download" in page
    assert "Connection refused" in page


def test_a_retry_sends_the_mail_that_could_not_be_sent_and_exports_nothing_again(
    new_site: Callable[..., RunningSite], mailbox: Mailbox
) -> None:
    port = free_port()
    site = new_site(EMAIL_URL=f"smtp://127.0.0.1:{port}")
    site.start()
    visitor = site.visitor()
    task_url = site.ask_for_export(visitor, language="rus", email_me=True)
    failed = finished(visitor, task_url)
    assert failed["status"] == "FAILED"

    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        task = finished(visitor, retry(site, failed))
    finally:
        server.stop()

    assert task["status"] == "SUCCESSFUL", task
    assert task["result"]["file"] == failed["result"]["file"]
    assert mailbox.recipients == [["ann@example.org"]]
    assert site.query("SELECT COUNT(*) FROM brokerless_exports_exportfile") == [(1,)]


def test_a_mail_whose_process_was_killed_is_never_sent_twice(new_site: Callable[..., RunningSite]) -> None:
    server = SmtpServer(END=[HANG, "250 OK"])
    try:
        site = new_site(EMAIL_URL=f"smtp://127.0.0.1:{server.server_address[1]}")
        site.start()
        visitor = site.visitor()
        task_url = site.ask_for_export(visitor, language="rus", email_me=True)
        eventually(lambda: "END" in server.asked, why="the mail is handed over")
        os.kill(site.pids(task_url)[1], signal.SIGKILL)
        killed = finished(visitor, task_url)
        assert killed["status"] == "FAILED"

        task = finished(visitor, retry(site, killed))

        assert task["status"] == "FAILED"
        assert "may have been delivered, and is not sent again" in task["error"]["title"]
        assert visitor.get(site.url + task["links"]["download"]).status_code == 200
        assert server.asked.count("END") == 1
    finally:
        server.stop()


def retry(site: RunningSite, task: dict) -> str:
    """Try a finished task again, and return the address of the new one."""
    (again,) = json.loads(site.manage_well("tasks", "retry", task["id"], "--json"))
    return f"{site.url}/tasks/{again['id']}/"
