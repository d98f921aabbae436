"""The whole story without JavaScript: cancel, retry, and many tasks at once from the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.system.browsing import PATIENCE, cancel, generate_many, log_in, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.system.running_site import RunningSite


@pytest.fixture
def plain_page(browser: Browser, site: RunningSite) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    log_in(page)
    yield page
    context.close()


def test_a_task_is_cancelled_done_again_and_deleted(plain_page: Page, site: RunningSite) -> None:
    page = plain_page
    generate_many(page)
    expect(page.get_by_text("We have your request")).to_be_visible()
    first = page.url
    site.pids(first)  # what is cancelled before it runs is kept for a day, as its processes may hang
    cancel(page)
    # The page loads itself again; nothing is clicked until the end is there.
    expect(status(page)).to_have_text("Cancelled", timeout=40_000)

    page.get_by_role("button", name="Retry").click()
    expect(page).not_to_have_url(first)
    page.get_by_role("link", name="My tasks").first.click()
    boxes = page.locator("input[name=tasks]")
    expect(boxes).to_have_count(2)

    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Cancel selected").click()
    expect(page.get_by_role("heading", name="Left out")).to_be_visible()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator(".bl-messages")).to_be_visible()

    boxes.last.check()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("main").get_by_role("button", name="Yes, delete").click()
    expect(boxes).to_have_count(1)
    assert page.goto(first).status == 404
