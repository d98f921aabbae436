"""How a task's page learns of what is new, in a browser: by a stream, by polls, and not while nobody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.eventually import eventually
from tests.system.browsing import HIDE, PATIENCE, cancel, generate_many, status
from tests.system.running_site import PASSWORD, USER

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

    from tests.system.running_site import RunningSite

CHANGES = 3
MINUTES = 5 * 60_000  # milliseconds, far more than there are between two polls


def requests_of(page: Page) -> list[str]:
    """Return the list to which each request of the page's script is added, by what it asks for."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type in {"fetch", "eventsource"}:
            asked.append("events" if "/events" in request.url else request.headers["accept"])

    page.on("request", note)
    return asked


def see_changes(page: Page) -> None:
    """Wait until the page has shown some changes of the numbers."""
    for _ in range(CHANGES):
        count = page.locator("[data-part=count]").text_content()
        expect(page.locator("[data-part=count]")).not_to_have_text(count, timeout=PATIENCE)


@pytest.mark.parametrize("is_pushed", [True, False])
def test_where_changes_are_pushed_the_page_does_not_poll_and_elsewhere_it_does(
    page: Page, is_pushed: bool
) -> None:
    if not is_pushed:
        page.route("**/events*", lambda route: route.fulfill(status=404))
    generate_many(page)
    expect(page.locator("progress[value]")).to_be_visible()
    asked = requests_of(page)

    see_changes(page)

    assert (asked.count("application/json") < CHANGES) == is_pushed
    cancel(page)
    expect(status(page)).to_have_text("Cancelled")


def test_a_tab_that_nobody_looks_at_asks_for_nothing_until_it_is_looked_at_again(page: Page) -> None:
    generate_many(page)
    expect(page.locator("progress[value]")).to_be_visible()
    page.clock.install()
    page.reload()
    expect(page.locator("progress[value]")).to_be_visible()

    page.evaluate(HIDE, True)
    asked = requests_of(page)
    page.clock.run_for(MINUTES)
    assert asked == []

    page.evaluate(HIDE, False)
    page.clock.run_for(1)
    # By asking the page for something what it does is heard of.
    eventually(lambda: page.title() and {"events", "application/json"} <= {*asked}, why="it asks at once")


def test_a_server_that_is_gone_is_not_asked_for_a_stream_every_other_second(page: Page, site: RunningSite) -> None:
    generate_many(page)
    expect(page.locator("progress[value]")).to_be_visible()
    page.clock.install()
    page.reload()
    page.clock.run_for(5_000)
    expect(page.locator("progress[value]")).to_be_visible()
    asked = requests_of(page)

    site.stop()
    for _ in range(60):  # five minutes; by asking the page for something what it does is heard of
        page.clock.run_for(5_000)
        page.title()

    assert 5 <= asked.count("events") <= 25


def test_who_is_logged_out_is_led_to_the_login_and_back(page: Page) -> None:
    generate_many(page)
    expect(page.locator("progress")).to_be_visible()
    address = page.url
    page.context.clear_cookies()
    page.evaluate("dispatchEvent(new Event('online'))")  # has the page ask now

    expect(page.get_by_role("alert").filter(has_text="Your login has expired.")).to_be_visible()
    page.get_by_role("link", name="Log in again").click()
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()

    expect(status(page)).to_have_text("Running")
    assert page.url == address
