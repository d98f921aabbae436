"""Every page that the example site has, and who sees it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.system.browsing import PATIENCE
from tests.system.running_site import USER
from tests.system.sample import STAFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.system.sample import Sampled

NOBODY = ""
NO_TASK = "/tasks/00000000-0000-4000-8000-000000000000/"
# Of everybody's own list, forms, and what is not there.
LISTS = [
    "/tasks/",
    "/tasks/?status=FAILED",
    "/tasks/?status=LOST&command=nothing",
    "/books/",
    "/books/?language=rus",
    "/books/?published_after=many",
    "/books/?q=no+book+is+called+so",
    "/books/generate/",
    "/books/export/",
    "/authors/",
    "/exports/books/",
    "/exports/authors/?language=eng",
    NO_TASK,
]


def pages(sampled: Sampled) -> dict[str, tuple[str, list[str]]]:
    """Return who visits which paths, by the name of the batch."""
    paths = sampled.paths
    of_files = [paths["kept file"], paths["gone file"], paths["shared"]]
    tasks = [path for path in paths.values() if path.startswith("/tasks/")]
    return {
        "tasks": (USER, tasks),
        "lists": (USER, LISTS + of_files),
        "admin": (STAFF, admin_pages(sampled)),
        "nobody": (NOBODY, ["/login/", paths["shared"]]),
        "not permitted": ("bob", ["/books/", "/tasks/"]),
    }


def admin_pages(sampled: Sampled) -> list[str]:
    """Return the product's pages in Django's admin."""
    tasks = [admin_task(sampled, name) for name in ("running", "failed")]
    file_id = sampled.paths["kept file"].split("/")[3]
    return [
        "/admin/brokerless/taskstate/",
        *tasks,
        "/admin/brokerless/taskstate/launch/",
        "/admin/brokerless/taskstate/launch/generate_books/",
        "/admin/brokerless/host/",
        "/admin/brokerless_exports/exportfile/",
        f"/admin/brokerless_exports/exportfile/{file_id}/change/",
        "/admin/library/book/",
    ]


def admin_task(sampled: Sampled, name: str) -> str:
    return f"/admin/brokerless/taskstate/{sampled.paths[name].split('/')[2]}/change/"


@contextmanager
def visit(browser: Browser, sampled: Sampled, name: str, **options: Any) -> Iterator[Page]:
    """Give a page of somebody who has logged in, or of nobody; no script of it may fail."""
    context = browser.new_context(base_url=sampled.site.url, **options)
    context.set_default_timeout(PATIENCE)
    if name:
        _log_in(context, sampled, name)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, errors


def _log_in(context: BrowserContext, sampled: Sampled, name: str) -> None:
    """Bring the cookies of somebody who has logged in, without a page."""
    cookies = sampled.site.visitor(name).cookies
    context.add_cookies([{"name": c.name, "value": c.value, "url": sampled.site.url} for c in cookies])
