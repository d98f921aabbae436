"""A mailed link in a real browser: its page, its button, and what is left of it when it was revoked."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.system.running_site import PASSWORD, USER, finished

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.system.running_site import RunningSite

# What a mail with a link does; run by `manage.py shell`.
MAIL_A_LINK = """
from brokerless.exports.files import links
from brokerless.exports.models import Delivery, ExportFile
delivery = Delivery.objects.create(file=ExportFile.objects.get(), recipient={recipient!r}, status="SENT")
print("LINK", links.absolute_url(delivery))
"""


def mail_a_link(site: RunningSite, recipient: str) -> str:
    return re.search(
        r"LINK (\S+)", site.manage_well("shell", "--command", MAIL_A_LINK.format(recipient=recipient))
    )[1]


def test_a_recipient_without_an_account_gets_the_file_until_its_owner_revokes_the_link(
    browser: Browser, page: Page, site: RunningSite
) -> None:
    owner = site.visitor()
    result = finished(owner, site.ask_for_export(owner, language="rus"))["result"]
    link = mail_a_link(site, "eve@elsewhere.example")
    with browser.new_context() as context:
        visitor = context.new_page()
        visitor.goto(link)
        expect(visitor.get_by_text(result["sha256"])).to_be_visible()
        with visitor.expect_download() as download:
            visitor.get_by_role("button", name=f"Download {result['name']}").click()
        assert download.value.suggested_filename == result["name"]
        data = Path(download.value.path()).read_bytes()
        assert hashlib.sha256(data).hexdigest() == result["sha256"]

        page.goto(result["details"])
        page.get_by_role("button", name="Revoke all links").click()
        expect(page.get_by_text("1 link was revoked.")).to_be_visible()
        assert visitor.goto(link).status == 410
        expect(visitor.get_by_text("This link was revoked by whoever made the file.")).to_be_visible()


def test_a_recipient_with_an_account_logs_in_on_the_way(browser: Browser, site: RunningSite) -> None:
    owner = site.visitor()
    result = finished(owner, site.ask_for_export(owner, language="rus"))["result"]
    link = mail_a_link(site, "ann@example.org")
    with browser.new_context() as context:
        visitor = context.new_page()
        visitor.goto(link)
        visitor.get_by_label("Username").fill(USER)
        visitor.get_by_label("Password").fill(PASSWORD)
        visitor.get_by_role("main").get_by_role("button", name="Log in").click()
        expect(visitor).to_have_url(link)
        with visitor.expect_download() as download:
            visitor.get_by_role("button", name="Download").click()
        assert hashlib.sha256(Path(download.value.path()).read_bytes()).hexdigest() == result["sha256"]
