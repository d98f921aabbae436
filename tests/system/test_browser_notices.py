"""What a task tells its user, on its own page and on whatever page they are, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.eventually import eventually
from tests.system.browsing import PATIENCE, cancel, generate_many, log_in, status

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    from tests.system.running_site import RunningSite

FEED = {"running": 1, "waiting": 2, "tasks": [], "unshown": 1, "next_poll_ms": 500}
FIRST_POLL = 16_000  # milliseconds, of a page that has nothing to tell


def toasts(page: Page) -> Locator:
    return page.locator(".bl-toast")


def ends(page: Page) -> Locator:
    return page.locator(".bl-toast-successful")


def give(page: Page, news: list[dict[str, str]]) -> None:
    """Have the page be told this, once, instead of what the server has to tell."""

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            assert route.request.headers["x-csrftoken"]
            route.fulfill(json={"notices": news})
            news.clear()
        else:
            route.fulfill(json=FEED | {"unshown": len(news)})

    page.goto("about:blank")  # the page before takes nothing
    page.route("**/tasks/notices", answer)
    page.route("**/events*", lambda route: route.abort())


def test_the_end_of_a_task_is_told_once_in_two_tabs_and_goes_on_on_the_next_page(
    page: Page, site: RunningSite
) -> None:
    tabs = [page, page.context.new_page()]
    for tab in tabs:
        tab.goto("/books/")
    site.visitor().post(f"{site.url}/books/generate/", data={"count": 5_000})

    eventually(lambda: sum(ends(tab).count() for tab in tabs) == 1, why="the end is told")
    holder, other = sorted(tabs, key=lambda tab: -ends(tab).count())
    holder.goto("/books/generate/")
    expect(toasts(holder)).to_have_count(1)  # what it said before is no news any more
    expect(ends(other)).to_have_count(0)
    toasts(holder).get_by_role("button", name="Dismiss").click()
    expect(toasts(holder)).to_have_count(0)
    holder.reload()
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(toasts(holder)).to_have_count(0)


def test_of_many_a_few_are_shown_and_all_can_be_dismissed_at_once(page: Page) -> None:
    word = "long" * 500
    first, *others = [
        {"id": f"{i}:1", "kind": "notice", "status": "RUNNING", "title": f"{i} {word}", "text": word, "url": "/a/"}
        for i in range(42)
    ]
    here = first | {"id": "here:1", "url": "/books/"}  # which that page says itself
    end = first | {"id": "0:end", "kind": "end", "status": "SUCCESSFUL"}
    give(page, [first, *others, here, end])
    page.clock.install()
    page.goto("/books/")
    page.clock.run_for(FIRST_POLL)

    more = page.get_by_role("link", name="and 38 more")
    expect(more).to_have_attribute("href", "/tasks/")
    expect(toasts(page)).to_have_count(42)
    expect(toasts(page).filter(visible=True)).to_have_count(4)
    expect(toasts(page).first).to_have_class("bl-toast bl-toast-successful")  # in the place of what it said
    assert page.locator(".bl-toasts").bounding_box()["height"] < page.viewport_size["height"]
    page.get_by_role("button", name="Dismiss all").click()
    expect(toasts(page)).to_have_count(0)
    expect(more).to_be_hidden()


def test_who_logs_in_again_in_another_tab_finds_the_old_page_working(page: Page, site: RunningSite) -> None:
    generate_many(page)
    expect(page.locator("progress")).to_be_visible()
    token = page.locator("task-progress [name=csrfmiddlewaretoken]").first
    before = token.input_value()
    page.context.clear_cookies()
    log_in(page.context.new_page())

    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(token).not_to_have_value(before)
    cancel(page)
    expect(status(page)).to_have_text("Cancelled", timeout=PATIENCE)


def test_a_failure_stays_until_it_is_dismissed_and_others_do_not(page: Page) -> None:
    news = [
        {
            "id": "1:end",
            "kind": "end",
            "status": "FAILED",
            "title": "Load <b>",
            "text": "It failed.",
            "url": "/a/",
        },
        {"id": "1:1", "kind": "notice", "status": "RUNNING", "title": "Load", "text": "half way", "url": "/b/"},
    ]
    give(page, news)
    page.clock.install()
    page.goto("/books/")
    page.clock.run_for(FIRST_POLL)

    expect(page.get_by_role("alert").filter(has_text="It failed.")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="half way")).to_be_visible()
    expect(page.get_by_role("link", name="Load <b>")).to_have_attribute("href", "/a/")
    expect(page.get_by_role("link", name="1 running")).to_be_visible()
    expect(page.get_by_role("link", name="2 waiting")).to_be_visible()
    assert page.evaluate("document.activeElement === document.body")

    toasts(page).last.hover()  # who may be reading has time
    page.clock.run_for(60_000)
    expect(toasts(page)).to_have_count(2)
    page.mouse.move(0, 0)
    page.clock.run_for(60_000)
    expect(toasts(page)).to_have_count(1)
    page.get_by_role("alert").get_by_role("button", name="Dismiss").press("Enter")
    expect(toasts(page)).to_have_count(0)
