"""No page, in no status, has a barrier that axe-core finds: on a desk and on a phone, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.requirements import axe
from tests.system.running_site import USER
from tests.system.visiting import pages, visit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, Page

    from tests.system.sample import Sampled

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 812}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Rules that Django's own lists and forms of the admin do not keep, whatever is shown in them.
DJANGOS_OWN = {
    "target-size",
    "label-title-only",
    "link-in-text-block",
    "empty-table-header",
    "scrollable-region-focusable",
}
FIND = """async ([settings, place]) => {
  // A colour on its way to another is neither.
  await new Promise(requestAnimationFrame);
  await Promise.all(document.getAnimations().map((one) => one.finished));
  const {violations} = await axe.run(place, settings);
  return violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => [id, html, failureSummary]));
}"""
# What differs between light and dark.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# The size of what is touched is not asked for unless it is named.
EVERYTHING = {"runOnly": {"type": "tag", "values": RULES}, "rules": {"target-size": {"enabled": True}}}


@pytest.mark.parametrize("batch", ["tasks", "lists", "admin", "nobody", "not permitted"])
def test_no_page_has_a_barrier(browser: Browser, sampled: Sampled, batch: str) -> None:
    script = axe()
    name, paths = pages(sampled)[batch]
    with visit(browser, sampled, name, reduced_motion="reduce") as page:
        for path in paths:
            page.goto(path)
            # Within Django's own frame stands what is the product's.
            is_admin = path.startswith("/admin/")
            sizes = [DESK] if is_admin else [DESK, PHONE]  # how it fits a phone is Django's affair
            found = barriers(page, script, "#content-main" if is_admin else "html", sizes=sizes)
            if is_admin:
                found = [barrier for barrier in found if barrier.split(": ")[0].split()[-1] not in DJANGOS_OWN]
            assert found == [], path


def test_no_answer_to_a_form_has_a_barrier(browser: Browser, sampled: Sampled) -> None:
    script = axe()
    with visit(browser, sampled, USER, reduced_motion="reduce") as page:
        page.goto("/tasks/")
        page.get_by_label("Select all").check()
        page.get_by_role("button", name="Delete selected").click()
        page.get_by_role("heading", name="Left out").wait_for()
        assert barriers(page, script) == []

        page.goto("/exports/books/?published_after=many")
        for box in page.get_by_role("group", name="Columns").get_by_role("checkbox").all():
            box.uncheck()
        page.get_by_role("button", name="Export").click()
        page.get_by_text("Choose at least one column.").wait_for()
        assert barriers(page, script) == []


def test_a_barrier_would_be_found(browser: Browser, sampled: Sampled) -> None:
    script = axe()
    with visit(browser, sampled, "") as page:
        page.goto("/login/")
        page.evaluate("document.querySelector('label').remove()")
        assert {found.split(": ")[0] for found in barriers(page, script)} >= {
            "1280 light label",
            "375 light label",
        }


def barriers(
    page: Page, script: str, place: str = "html", *, sizes: Sequence[dict[str, int]] = (DESK, PHONE)
) -> list[str]:
    """Return what axe-core finds within a place of the page, in these sizes and both schemes."""
    # Not as an element of the page: what the driver evaluates is not the policy's to refuse.
    page.evaluate(script)
    found = []
    for size in sizes:
        page.set_viewport_size(size)
        for scheme, settings in {"light": EVERYTHING, "dark": COLOURS}.items():
            page.emulate_media(color_scheme=scheme)
            seen = page.evaluate(FIND, [settings, place])
            found += [f"{size['width']} {scheme} {': '.join(barrier)}" for barrier in seen]
    return found
