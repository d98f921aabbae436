"""The live log on a task's page, in a real browser."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.system.browsing import PATIENCE, cancel, generate_many, status

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.system.running_site import RunningSite

LONGEST_LOG = 300_000  # characters; those that are kept, and a piece
LEAST_PAUSE = 240  # milliseconds between two requests; a timer may be early by some
MOST_AT_ONCE = 3
FAR_BEHIND = 32_768  # bytes
POLLS = 6
# When the page asked for the task, or for its log, in milliseconds of its own clock.
ASKED_AT = """(ending) => performance.getEntriesByType("resource")
    .filter((entry) => entry.initiatorType === "fetch" && new URL(entry.name).pathname.endsWith(ending))
    .map((entry) => entry.startTime)"""
HAS_SHOWN_TURN = """(turn) => {
    const [last] = document.querySelector("task-log pre").textContent.match(/turn \\d+(?=\\n[^]{0,9}$)/) ?? [];
    return last && Number(last.slice(5)) >= turn;
}"""


def log_of_running_task(page: Page, site: RunningSite) -> Path:
    generate_many(page)
    page.wait_for_url("**/tasks/**")
    site.pids(page.url)
    return site.directory / "runtime" / page.url.rstrip("/").rpartition("/")[2] / "1.log"


def test_the_log_grows_on_the_page_as_text_and_stays_at_its_end(page: Page, site: RunningSite) -> None:
    log = log_of_running_task(page, site)
    box = page.locator("task-log pre")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/log?" in request.url else None)

    def write(text: str) -> None:
        with log.open("ab") as file:
            file.write(text.encode())

    def is_at_end() -> bool:
        return box.evaluate("(box) => box.scrollTop + box.clientHeight >= box.scrollHeight - 8")

    write("<script>document.title = 'hacked'</script>\x1b[31mred\x1b[0m\n 10%\r 20%")
    assert asked == []
    page.get_by_text("Log", exact=True).click()
    expect(box).to_have_text("<script>document.title = 'hacked'</script>red\n 20%", use_inner_text=True)
    assert "hacked" not in page.title()
    write("\r 30%\n" + "".join(f"line {number}\n" for number in range(200)))
    expect(box).to_contain_text(" 30%\nline 0\n")
    expect(box).not_to_contain_text(" 20%")
    expect(box).to_contain_text("line 199")
    assert is_at_end()

    box.evaluate("(box) => { box.scrollTop = 0; }")
    write("more\n")
    expect(box).to_contain_text("more")
    assert box.evaluate("(box) => box.scrollTop") == 0

    write("x" * 300_000 + "\nthe end of much\n")
    expect(box).to_contain_text("the end of much")
    assert len(box.text_content()) < LONGEST_LOG
    write("last words")
    cancel(page)
    expect(status(page)).to_have_text("Cancelled")
    page.get_by_text("Log", exact=True).click()
    expect(page.locator("task-log[data-end]")).to_have_count(1)
    expect(box).to_contain_text("last words")
    read = len(asked)
    page.get_by_text("Log", exact=True).click()
    page.get_by_text("Log", exact=True).click()
    assert len(asked) == read


@pytest.mark.parametrize("size", [2_000, 50_000, 400_000])
def test_a_task_that_prints_all_the_time_is_followed_at_the_pace_of_the_polls(
    page: Page, site: RunningSite, size: int
) -> None:
    page.route("**/events*", lambda route: route.abort())  # so that there are polls
    log = log_of_running_task(page, site)
    turns = 0

    def print_more(route: Route) -> None:
        """However fast the page asks, there is more by then."""
        nonlocal turns
        turns += 1
        with log.open("ab") as file:
            file.write((("." * 99 + "\n") * (size // 100) + f"turn {turns}\n").encode())
        route.continue_()

    page.route("**/log?*", print_more)
    page.evaluate("performance.setResourceTimingBufferSize(10_000)")
    page.get_by_text("Log", exact=True).click()
    begin = len(page.evaluate(ASKED_AT, "/"))
    for count in range(POLLS):
        page.wait_for_function(f"(polls) => ({ASKED_AT})('/').length >= polls", arg=begin + count)
        page.wait_for_function(HAS_SHOWN_TURN, arg=max(1, turns - 2))

    polls, asked = len(page.evaluate(ASKED_AT, "/")) - begin, page.evaluate(ASKED_AT, "/log")
    at_once = 1 if size < FAR_BEHIND else MOST_AT_ONCE
    assert polls // 2 <= len(asked) <= (polls + 2) * at_once
    assert min(after - before for before, after in pairwise(asked)) >= LEAST_PAUSE
    assert page.locator("task-log pre").evaluate("(box) => box.textContent.length") < LONGEST_LOG


def test_what_a_finished_task_has_printed_is_read_to_its_end_without_polls(page: Page, site: RunningSite) -> None:
    log = log_of_running_task(page, site)
    log.write_text("first words\n")
    cancel(page)
    expect(status(page)).to_have_text("Cancelled")
    with log.open("ab") as file:
        # Of such lines an answer holds one.
        file.writelines(b"." * 40_000 + b"\n" for _ in range(4))
        file.write(b"last words\n")

    page.get_by_text("Log", exact=True).click()
    expect(page.locator("task-log[data-end]")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("task-log pre")).to_contain_text("last words")
    assert len(page.evaluate(ASKED_AT, "/log")) > MOST_AT_ONCE


def test_the_log_can_be_paused_copied_and_downloaded(page: Page, site: RunningSite) -> None:
    log = log_of_running_task(page, site)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    box, copy = page.locator("task-log pre"), page.locator("task-log [data-copy]")
    log.write_text("first\n")
    page.get_by_text("Log", exact=True).click()
    expect(box).to_have_text("first")

    page.get_by_role("button", name="Pause").click()
    with log.open("a") as file:
        file.write("second\n")
    page.evaluate(
        "new Promise((done) => document.addEventListener('task-polled', function often() {"
        " if ((often.count = (often.count ?? 0) + 1) === 3) done(); }))"
    )
    expect(box).to_have_text("first")
    page.get_by_role("button", name="Follow").click()
    expect(box).to_contain_text("second")

    copy.click()
    expect(copy).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "first\nsecond\n"
    # As on a page without https.
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    expect(copy).to_have_text("Copy")
    copy.click()
    expect(copy).to_have_text("Copied")
    assert page.evaluate("getSelection().toString()") == "first\nsecond"

    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename.endswith("-1.log")
