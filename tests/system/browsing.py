"""What somebody does with the example site in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.system.running_site import PASSWORD, USER

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PATIENCE = 20_000  # milliseconds
# Has a page take itself for one that nobody looks at, or does again.
HIDE = """(isHidden) => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def log_in(page: Page, name: str = USER) -> None:
    page.goto("/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url("**/books/**")


def generate_many(page: Page) -> None:
    """Start what takes long enough to be watched."""
    page.goto("/books/generate/")
    page.get_by_label("How many books?").fill("1000000")
    page.get_by_role("button", name="Generate").click()


def status(page: Page) -> Locator:
    return page.locator("task-progress .bl-status")


def cancel(page: Page) -> None:
    """Cancel the task of the page, in the two steps that it takes."""
    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("button", name="Yes, cancel it").click()
