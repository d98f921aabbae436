"""The whole story in a real browser, with JavaScript and without."""

from __future__ import annotations

import csv
import gzip
import os
import re
import signal
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.system.browsing import PATIENCE, cancel, generate_many, log_in, status
from tests.system.running_site import USER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tests.system.running_site import RunningSite

PHONE = {"width": 390, "height": 844}
MANY_POLLS = 20  # a page that pauses between two needs a handful for an end and a retry


def guarded(text: str) -> str:
    """Return a text as it is in a file for spreadsheets."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def test_a_click_exports_the_books_and_the_download_starts_by_itself(page: Page, site: RunningSite) -> None:
    page.get_by_label("Language").fill("eng")
    page.get_by_role("button", name="Apply").click()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Export these books").click()
        expect(page.get_by_text("We have your request")).to_be_visible()

    expect(status(page)).to_have_text("Successful")
    expect(page).to_have_title("✓ Books, English – Successful")
    with gzip.open(download.value.path(), "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = site.query("SELECT id, title FROM library_book WHERE upper(language) = 'ENG' ORDER BY id")
    assert [(int(row["id"]), row["title"]) for row in rows] == [(pk, guarded(title)) for pk, title in expected]
    expect(page.locator(".bl-download")).to_contain_text(f"{len(rows):,} rows")


def test_the_bar_moves_while_the_command_runs(page: Page) -> None:
    generate_many(page)

    bar = page.locator("progress[value]")
    expect(bar).to_be_visible(timeout=PATIENCE)
    before = float(bar.get_attribute("value"))
    page.wait_for_function("before => document.querySelector('progress').value > before", arg=before)
    expect(page).to_have_title(re.compile(r"^\d+ % – .+ – Running$"))
    cancel(page)
    expect(status(page)).to_have_text("Cancelled", timeout=PATIENCE)
    expect(page).to_have_title(re.compile("^⊘ .+ – Cancelled$"))


def test_a_download_starts_only_once(page: Page) -> None:
    page.get_by_label("Language").fill("rus")
    page.get_by_role("button", name="Apply").click()
    with page.expect_download(timeout=60_000):
        page.get_by_role("button", name="Export these books").click()
    downloads: list[object] = []
    page.on("download", lambda download: downloads.append(download))

    page.reload()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    page.get_by_role("link", name="My tasks").first.click()
    expect(page.get_by_role("main").get_by_role("link", name="Books, Russian")).to_be_visible()

    assert downloads == []


def test_a_killed_command_shows_on_the_page_by_itself(page: Page, site: RunningSite) -> None:
    generate_many(page)
    page.wait_for_url("**/tasks/**")
    _, command_pid = site.pids(page.url)

    os.kill(command_pid, signal.SIGKILL)

    alert = page.get_by_role("main").get_by_role("alert").filter(has_text="killed by signal 9 (SIGKILL)")
    expect(alert).to_be_visible(timeout=2_000)
    expect(status(page)).to_have_text("Failed")


def test_a_running_task_is_cancelled_from_its_page_and_then_retried(page: Page) -> None:
    generate_many(page)
    expect(page.locator("progress")).to_be_visible()
    first = page.url

    cancel(page)
    expect(page.get_by_text(f"The task was cancelled by {USER}.")).to_be_visible()
    page.get_by_role("button", name="Retry").click()

    expect(page.locator("dt", has_text="Retry of")).to_be_visible()
    assert page.url != first
    cancel(page)
    expect(status(page)).to_have_text("Cancelled")
    page.goto(first)
    expect(page.locator("dt", has_text="Retried")).to_be_visible()


def test_a_page_says_that_the_connection_is_lost_and_goes_on_later(page: Page, site: RunningSite) -> None:
    generate_many(page)
    expect(page.locator("progress")).to_be_visible()

    site.stop()
    expect(page.get_by_text("Connection lost, retrying.")).to_be_visible()
    site.start()

    expect(page.get_by_text("Connection lost, retrying.")).to_be_hidden(timeout=40_000)
    cancel(page)
    expect(status(page)).to_have_text("Cancelled")


def test_an_end_that_could_not_be_shown_at_once_is_shown_without_a_storm_of_polls(
    page: Page, site: RunningSite
) -> None:
    generate_many(page)
    expect(page.locator("progress")).to_be_visible()
    asked: list[str] = []

    def lose_the_first_page(route: Route) -> None:
        asked.append(route.request.headers["accept"])
        if asked.count("text/html") == 1 and asked[-1] == "text/html":
            route.abort()
        else:
            route.continue_()

    page.route("**/tasks/*/", lose_the_first_page)
    _, command_pid = site.pids(page.url)
    os.kill(command_pid, signal.SIGKILL)

    expect(status(page)).to_have_text("Failed", timeout=10_000)
    expect(page.get_by_text("Connection lost, retrying.")).to_be_hidden()
    assert asked.count("text/html") == 2
    assert asked.count("application/json") < MANY_POLLS


def test_without_javascript_the_story_is_the_same(browser: Browser, site: RunningSite) -> None:
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    log_in(page)

    page.get_by_label("Language").fill("rus")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Export these books").click()
    expect(page.get_by_text("We have your request")).to_be_visible()

    link = page.get_by_role("link", name="Download")
    # The page loads itself again; nothing is clicked until the file is there.
    expect(link).to_be_visible(timeout=40_000)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.endswith(".csv.gz")
    context.close()


def test_a_page_whose_script_is_missing_offers_to_be_loaded_again(page: Page) -> None:
    generate_many(page)
    again = page.get_by_role("link", name="Reload")
    expect(page.locator("progress")).to_be_visible()
    expect(again).to_be_hidden()

    page.route("**/tasks.js", lambda route: route.abort())
    page.reload()
    expect(again).to_be_visible()

    cancel(page)
    expect(page.get_by_text("Cancelling").or_(page.get_by_text("Cancelled")).first).to_be_visible()


def test_nothing_is_cut_on_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/books/")
    expect(page.get_by_label("Language")).to_be_hidden()
    page.get_by_text("Filters").click()
    page.get_by_label("Language").fill("rus")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_label("Language")).to_be_visible()
    page.get_by_role("button", name="Export these books").click()
    expect(status(page)).to_have_text("Successful")

    for path in (page.url, "/tasks/", "/books/", "/books/generate/", "/exports/books/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path
        too_wide = page.locator("td, input, select, button, a").evaluate_all(
            "(all, width) => all.filter((e) => e.getBoundingClientRect().right > width).map((e) => e.outerHTML)",
            PHONE["width"],
        )
        assert too_wide == [], path
