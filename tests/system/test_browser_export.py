"""Exports in a real browser: the form with format and columns, the direct download, and the form it leads to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.system.browsing import status

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.system.running_site import RunningSite


def test_format_and_columns_are_chosen_in_the_form(page: Page, site: RunningSite) -> None:
    page.get_by_label("Language").fill("rus")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Format and columns").click()
    expect(page.get_by_role("textbox", name="Language")).to_have_value("rus")
    page.get_by_label("Format").select_option("jsonl")
    for name in ("id", "contributors", "added_at"):
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
