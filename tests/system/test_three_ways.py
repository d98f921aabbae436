"""One file of books, exported in a shell, by a click in a browser, and by mail: the same bytes each time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.system.test_browser import log_in
from tests.system.test_goodbooks import FIXTURE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.system.mailbox import Mailbox
    from tests.system.running_site import RunningSite

PATIENCE = 60_000  # milliseconds


@pytest.fixture(params=["fixture", "goodbooks-10k"])
def books(request: pytest.FixtureRequest) -> Path:
    """Return our own file of books, or the real one if its path is known."""
    if request.param == "fixture":
        return FIXTURE
    if "GOODBOOKS" not in os.environ:
        pytest.skip("needs the goodbooks-10k file: set GOODBOOKS to the path of its books.csv")
    return Path(os.environ["GOODBOOKS"]).absolute()


def test_shell_browser_and_mail_give_the_same_file(
    empty_site: RunningSite, books: Path, browser: Browser, mailbox: Mailbox, smtp_url: str
) -> None:
    empty_site.environment["EMAIL_URL"] = smtp_url
    empty_site.manage_well("load_books", books)
    in_shell = empty_site.directory / "books.csv.gz"
    empty_site.manage_well("export_books", "--output", in_shell)
    empty_site.start()
    context = browser.new_context(base_url=empty_site.url)
    page = context.new_page()
    log_in(page)

    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_label("Also mail the file").check()
        page.get_by_role("button", name="Export all books").click()

    by_click = Path(download.value.path()).read_bytes()
    expect(page.get_by_text("Mailed to ann@example.org.", exact=True)).to_be_visible()
    attachment = next(iter(mailbox.mails[0].iter_attachments()))
    assert by_click == in_shell.read_bytes()
    assert attachment.get_content() == by_click
    context.close()
