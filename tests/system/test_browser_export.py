"""Exports in a real browser: the form with format and columns, the direct download, and the form it leads to."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.system.browsing import HIDE, log_in, status
from tests.system.running_site import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.system.running_site import RunningSite

MAKE_STAFF = f"""
from django.contrib.auth.models import User
User.objects.create_superuser("boss", "boss@example.org", {PASSWORD!r})
"""


def test_format_and_columns_are_chosen_in_the_form(page: Page, site: RunningSite) -> None:
    page.get_by_label("Language").fill("rus")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Format and columns").click()
    expect(page.get_by_role("textbox", name="Language")).to_have_value("rus")
    page.get_by_label("Format").select_option("jsonl")
    for name in ("Id", "Contributors", "Added at"):
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    page.get_by_text("More about the file").click()
    page.get_by_label("Compression").select_option("none")
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Export").click()

    expect(status(page)).to_have_text("Successful")
    assert download.value.suggested_filename.endswith(".jsonl")
    lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    titles = site.query("SELECT title FROM library_book WHERE language = 'rus' ORDER BY id")
    assert [(line["title"],) for line in lines] == titles
    assert lines[0].keys() & {"pk", "contributors", "added_at"} == set()


def test_a_download_starts_in_one_tab_of_who_asked_and_not_for_staff_who_look(
    page: Page, browser: Browser, site: RunningSite
) -> None:
    site.manage_well("shell", "--command", MAKE_STAFF)
    boss = browser.new_context(base_url=site.url).new_page()
    log_in(boss, "boss")
    second = page.context.new_page()
    tabs = [page, second, boss]
    downloads: list[Page] = []
    for tab in tabs:
        tab.on("download", lambda _, tab=tab: downloads.append(tab))
    page.get_by_role("button", name="Export all books").click()
    _, command = site.pids(page.url)
    os.kill(command, signal.SIGSTOP)  # until all look at it
    for tab in (second, boss):
        tab.goto(page.url)
        expect(status(tab)).to_contain_text("Running")
    second.evaluate(HIDE, True)

    with page.expect_download():
        os.kill(command, signal.SIGCONT)
    second.evaluate(HIDE, False)

    for tab in tabs:
        expect(status(tab)).to_have_text("Successful")
        expect(tab.get_by_role("link", name="Download books")).to_be_visible()
    boss.reload()
    assert downloads == [page]
    boss.context.close()


def test_few_books_are_downloaded_at_once_and_many_lead_to_the_form(page: Page, site: RunningSite) -> None:
    page.goto("/books/?language=rus")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download now").click()
    assert download.value.suggested_filename.endswith(".csv.gz")

    page.goto("/books/")
    page.get_by_role("link", name="Download now").click()
    expect(page.get_by_text("too much to be sent at once")).to_be_visible()
    expect(page.get_by_role("button", name="Export")).to_be_visible()


def test_a_form_without_a_column_says_so_beside_the_columns(page: Page) -> None:
    page.goto("/exports/books/")
    columns = page.get_by_role("group", name="Columns")
    for box in columns.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Export").click()

    expect(columns.get_by_text("Choose at least one column.")).to_be_visible()
    for box in columns.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
