"""The list of tasks in a real browser: it tells of what is new, and agrees with what else is on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.eventually import eventually
from tests.system.browsing import cancel, generate_many, status

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.system.running_site import RunningSite

SECONDS = 5_000  # milliseconds: less than there are between two polls of a list where nothing runs
ADD_A_ROW = """() => {
    const row = document.querySelector("task-status").cloneNode();
    row.dataset.task = "00000000-0000-4000-8000-000000000000";
    row.dataset.status = "RUNNING";
    document.querySelector("main").append(row);
}"""


def test_the_list_tells_of_new_tasks_and_counts_with_the_badge(page: Page, site: RunningSite) -> None:
    other = page.context.new_page()
    generate_many(other)
    cancel(other)
    expect(status(other)).to_have_text("Cancelled")
    page.goto("/tasks/")
    newer = page.get_by_role("link", name="Show new tasks")
    expect(page.locator("task-status")).to_have_count(1)
    expect(newer).to_be_hidden()

    generate_many(other)
    expect(newer).to_be_visible(timeout=SECONDS)
    expect(page.locator("[data-count=running]")).to_have_text("1", timeout=SECONDS)
    expect(page.get_by_role("link", name="1 running")).to_be_visible()
    newer.click()
    expect(page.locator("task-status")).to_have_count(2)
    expect(newer).to_be_hidden()

    page.goto("/tasks/?status=RUNNING")
    changed = page.get_by_text("The list has changed")
    expect(page.locator("task-status")).to_contain_text("Running")
    expect(changed).to_be_hidden()
    cancel(other)
    expect(changed).to_be_visible(timeout=SECONDS)


def test_rows_that_come_and_go_are_followed(page: Page) -> None:
    other = page.context.new_page()
    generate_many(other)
    page.route("**/events*", lambda route: route.abort())
    asked: list[str] = []

    def answer(route: Route) -> None:
        if not asked:
            page.evaluate(ADD_A_ROW)  # while the answer is on its way
        asked.append(route.request.url)
        route.continue_()

    page.route("**/tasks/status*", answer)
    page.goto("/tasks/")
    # By asking the page for something what it does is heard of.
    eventually(lambda: page.title() and len(asked) > 1, why="it asks again")
    assert "00000000-0000" not in asked[0]
    assert "00000000-0000" in asked[1]  # it is not taken for one that is gone

    # Without a row nothing is asked, and nothing fails: the fixture looks for errors.
    page.evaluate("document.querySelectorAll('task-status').forEach((row) => row.remove())")
    page.clock.install()
    before = len(asked)
    page.clock.run_for(60_000)
    assert len(asked) == before
    cancel(other)


def test_the_box_of_all_ticks_each(page: Page) -> None:
    generate_many(page)
    cancel(page)
    page.goto("/tasks/")
    box = page.locator("tbody input[type=checkbox]")
    page.get_by_label("Select all").check()
    expect(box).to_be_checked()
    box.uncheck()
    expect(page.get_by_label("Select all")).not_to_be_checked()
