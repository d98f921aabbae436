"""What happens to people while a task runs: two tabs, and a line that breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.system.browsing import PATIENCE, cancel, generate_many, status

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What the browser tells a page to which somebody comes back from another tab.
COME_BACK = "document.dispatchEvent(new Event('visibilitychange'))"


def test_what_is_done_in_one_tab_is_seen_in_all(page: Page) -> None:
    generate_many(page)
    page.wait_for_url("**/tasks/**")
    other = page.context.new_page()
    other.goto(page.url)
    third = page.context.new_page()
    third.goto("/books/generate/")
    badge = third.locator("task-notices [data-part=badge]")
    expect(badge).to_contain_text("1 running")

    cancel(other)

    for tab in (page, other):
        expect(status(tab)).to_have_text("Cancelled", timeout=PATIENCE)
    expect(badge).to_be_hidden(timeout=PATIENCE)
    other.close()
    third.close()


def test_who_was_offline_sees_where_the_task_is_when_the_line_is_back(page: Page) -> None:
    generate_many(page)
    bar = page.locator("progress[value]")
    expect(bar).to_be_visible(timeout=PATIENCE)
    lost = page.get_by_text("Connection lost, retrying.")

    page.context.set_offline(True)
    page.evaluate(COME_BACK)
    expect(lost).to_be_visible(timeout=PATIENCE)
    before = float(bar.get_attribute("value"))
    page.context.set_offline(False)

    expect(lost).to_be_hidden(timeout=PATIENCE)
    page.wait_for_function("before => document.querySelector('progress').value > before", arg=before)
    cancel(page)
    expect(status(page)).to_have_text("Cancelled")
