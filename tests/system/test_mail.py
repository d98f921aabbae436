"""Exports by mail: to a real SMTP server on loopback, and to one that is not there."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

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


def test_a_run_by_hand_is_mailed_to_everybody_named(
    new_site: Callable[..., RunningSite], smtp_url: str, mailbox: Mailbox
) -> None:
    site = new_site(EMAIL_URL=smtp_url)

    site.manage_well(
        "export_books", "--language", "fre", "--email", "ann@example.org", "--email", "bob@example.org"
    )

    assert mailbox.recipients == [["ann@example.org", "bob@example.org"]]


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
