"""Which pictures there are: of which page, whose, how wide, light or dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.system.running_site import USER
from tests.system.sample import STAFF
from tests.system.visiting import admin_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.system.sample import Sampled

DESK, PHONE = 800, 375  # pixels
SCHEMES = ("light", "dark")
STATUSES = (
    "waiting",
    "waiting again",
    "running",
    "cancelling",
    "exported",
    "expired",
    "done",
    "failed",
    "cancelled",
    "lost",
)


def nothing(page: Page) -> None:
    """Leave the page as it came."""


def open_cancel(page: Page) -> None:
    page.locator("summary", has_text="Cancel").click()


def await_toasts(page: Page) -> None:
    page.locator(".bl-toast").nth(1).wait_for()


def choose_two(page: Page) -> None:
    for place in (0, 1):
        page.locator("input[name=tasks]").nth(place).check()


class Picture(NamedTuple):
    """One picture.

    before: what is done on the page. height: of the picture, in pixels; None for the whole page.
    """

    name: str
    path: str
    who: str = USER
    width: int = DESK
    scheme: str = "light"
    height: int | None = None
    before: Callable[[Page], None] = nothing


def all_pictures(sampled: Sampled) -> Iterator[Picture]:
    paths = sampled.paths
    for scheme in SCHEMES:
        for status in STATUSES:
            yield Picture(f"task-{status.replace(' ', '-')}-{scheme}", paths[status], scheme=scheme)
        yield Picture(f"tasks-{scheme}", "/tasks/", scheme=scheme, height=760, before=choose_two)
        # Each end is told once.
        who = {"light": "bob", "dark": "cleo"}[scheme]
        yield Picture(f"toast-{scheme}", "/tasks/", who, scheme=scheme, height=500, before=await_toasts)
    yield Picture("task-cancel", paths["running"], height=480, before=open_cancel)
    yield Picture("export-form", "/exports/books/?language=eng&published_after=1970")
    yield Picture("books", "/books/", height=760)
    yield Picture("file", paths["kept file"])
    yield Picture("shared-link", paths["shared"], "")
    yield Picture("phone-task", paths["running"], width=PHONE, height=812)
    yield Picture("phone-tasks", "/tasks/", width=PHONE, height=812)
    yield Picture("phone-books", "/books/", width=PHONE, height=812, scheme="dark")
    yield Picture("admin-tasks", "/admin/brokerless/taskstate/", STAFF, width=1280, height=760)
    yield Picture("admin-task", admin_task(sampled, "failed"), STAFF, width=1280, height=760)
    yield Picture(
        "admin-launch", "/admin/brokerless/taskstate/launch/generate_books/", STAFF, width=1280, height=760
    )
    yield Picture("admin-files", "/admin/brokerless_exports/exportfile/", STAFF, width=1280, height=420)
