"""The story by the keyboard alone: everything is reached, in an order, and what has the focus is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.system.browsing import PATIENCE, generate_many, status

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOCUSED = """(() => {
  const one = document.activeElement, look = getComputedStyle(one);
  const name = (one.labels?.[0] ?? one).textContent.trim().replace(/\\s+/g, " ");
  return {name, isSeen: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2};
})()"""
MOST_STOPS = 60


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus; each stop on the way is seen."""
    passed = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        assert stop["isSeen"], stop["name"]
        passed.append(stop["name"])
        if stop["name"].startswith(name):
            return
    raise AssertionError(f"{name} is not among {passed}")


def test_books_are_filtered_and_exported(page: Page) -> None:
    tab_to(page, "Language")
    page.keyboard.type("rus")
    page.keyboard.press("Enter")
    page.wait_for_url("**language=rus**")
    tab_to(page, "Export these books")
    with page.expect_download(timeout=PATIENCE):
        page.keyboard.press("Enter")
        expect(status(page)).to_have_text("Successful", timeout=PATIENCE)
    tab_to(page, "Download")


def test_a_task_is_watched_and_cancelled(page: Page) -> None:
    generate_many(page)
    expect(page.locator("progress[value]")).to_be_visible(timeout=PATIENCE)

    tab_to(page, "Log")
    tab_to(page, "Log")
    page.keyboard.press("Enter")
    tab_to(page, "Pause")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Follow")).to_be_focused()

    page.reload()
    tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    tab_to(page, "Yes, cancel it")
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text("Cancelled", timeout=PATIENCE)
