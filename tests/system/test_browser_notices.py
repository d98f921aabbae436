"""What a task tells its user, on its own page and on whatever page they are, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.eventually import eventually
from tests.system.browsing import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FEED = {"running": 1, "waiting": 2, "tasks": [], "unshown": 1, "next_poll_ms": 500}


def toasts(page: Page) -> Locator:
    return page.locator(".bl-toast")


def test_the_notices_of_a_task_and_its_end_are_shown_once_in_two_tabs_and_go_on_on_the_next_page(
    page: Page,
) -> None:
    other = page.context.new_page()
    other.goto("/books/")
    page.goto("/books/generate/")
    page.get_by_label("How many books?").fill("50000")
    page.get_by_role("button", name="Generate").click()

    end = "Successful"
    tabs = [page, other]
    expect(page.locator("task-progress .bl-status")).to_have_text(end, timeout=PATIENCE)
    expect(page.locator("[data-part=notices] li")).not_to_have_count(0)
    said = page.locator("[data-part=notices] li").count()

    def all_told() -> list[str]:
        return [text for tab in tabs for text in toasts(tab).all_text_contents()]

    eventually(lambda: len(all_told()) == said + 1, why="each is told")
    told = all_told()
    assert len({*told}) == len(told)
    holder = next(tab for tab in tabs if toasts(tab).count())
    before = toasts(holder).count()
    holder.goto("/authors/" if holder is page else "/books/")
    expect(toasts(holder)).to_have_count(before)
    toasts(holder).first.get_by_role("button", name="Dismiss").click()
    expect(toasts(holder)).to_have_count(before - 1)
    holder.reload()
    expect(toasts(holder)).to_have_count(before - 1)


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

    def answer(route):
        if route.request.method == "POST":
            assert route.request.headers["x-csrftoken"]
            route.fulfill(json={"notices": news})
            news.clear()
        else:
            route.fulfill(json=FEED | {"unshown": len(news)})

    page.route("**/tasks/notices", answer)
    page.route("**/events*", lambda route: route.abort())
    page.clock.install()
    page.goto("/books/")
    page.clock.run_for(60_000)

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
