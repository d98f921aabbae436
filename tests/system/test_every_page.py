"""What holds on every page: the policy refuses nothing, a phone shows all of it, and nothing moves unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.visiting import NO_TASK, pages, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.system.sample import Sampled

PHONE = {"width": 375, "height": 812}
# Before any script of the page: what the policy refuses on it.
LISTEN = """window.refused = [];
document.addEventListener("securitypolicyviolation", (refusal) =>
  window.refused.push(`${refusal.violatedDirective} ${refusal.blockedURI} ${refusal.sample}`));"""
# What reaches beyond the screen, unless it lies in a box that is scrolled by itself.
TOO_WIDE = """(width) => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > width + 1)
  .filter((e) => ![...function* (e) { while (e = e.parentElement) yield e; }(e)]
    .some((box) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(box).overflowX)))
  .map((e) => e.outerHTML.slice(0, 200))"""
MOVING = (
    """document.getAnimations().filter((one) => one.playState === "running").map((one) => one.animationName)"""
)


@pytest.mark.parametrize("batch", ["tasks", "lists", "admin", "nobody", "not permitted"])
def test_nothing_is_refused_cut_or_moving(browser: Browser, sampled: Sampled, batch: str) -> None:
    name, paths = pages(sampled)[batch]
    with visit(browser, sampled, name, viewport=PHONE, reduced_motion="reduce") as page:
        page.add_init_script(LISTEN)
        for path in paths:
            answer = page.goto(path)
            # Django's own page of what is not there, which it shows while DEBUG is on, has its styles within it.
            if path != NO_TASK:
                assert answer.status in {200, 403}, path
                assert "default-src 'self'" in answer.headers["content-security-policy"], path
                assert "unsafe-inline" not in answer.headers["content-security-policy"], path
            look(page, path)


def look(page: Page, path: str) -> None:
    assert page.evaluate("window.refused") == [], path
    # Django's own lists are wider than a phone, and scrolled.
    if not path.startswith("/admin/"):
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path
        assert page.evaluate(TOO_WIDE, PHONE["width"]) == [], path
    assert page.evaluate(MOVING) == [], path


def test_what_is_inline_would_be_refused_and_seen(browser: Browser, sampled: Sampled) -> None:
    page = browser.new_page(base_url=sampled.site.url)
    page.add_init_script(LISTEN)
    page.goto("/login/")

    page.evaluate("document.body.setAttribute('onclick', 'window.ran = true')")
    page.evaluate("document.body.click()")

    page.wait_for_function("window.refused.length > 0")
    assert page.evaluate("window.ran") is None
    page.close()
