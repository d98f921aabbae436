"""How much a browser loads for the page of a task, uncompressed: the page, its styles, its script."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.runtime_dir import TaskFiles
from tests.site.page_parts import Page

HEAVIEST_PAGE = 40_000  # bytes
STATIC = "/static/"
EXPORTED = {
    "download": "/exports/files/1/",
    "details": "/exports/files/1/about/",
    "name": "books-2026-11-21.csv.gz",
    "rows": 6021,
    "bytes": 74_467,
    "sha256": "2bde7ca1" * 8,
    "expires_at": "2126-11-28T19:04:54.613Z",
    "mailed_to": ["ann@example.org"],
}
# What makes a page of that status the heaviest that is usual.
FULL = {
    "title": "Books, English, from 1970",
    "progress_current": 127_400,
    "progress_total": 283_000,
    "progress_unit": "books",
    "progress_rate": 3_185.0,
    "progress_message": "Writing books.csv.gz",
    "notices": [{"number": 1, "at": "2026-11-21T19:04:54.613+00:00", "text": "half way"}],
    "cpu_seconds": 41.3,
    "peak_memory": 88_000_000,
}


def assets(page: Page) -> set[Path]:
    """Return the files that a page has its browser load."""
    styles = [link["href"] for link in page.find("link", rel="stylesheet")]
    return {
        Path(finders.find(address.removeprefix(STATIC)))
        for address in [*styles, *(script["src"] for script in page.find("script"))]
    }


@pytest.mark.parametrize("frame", ["the site's", "the product's"])
@pytest.mark.parametrize("status", sorted(TaskState.Status))
def test_a_task_s_page_with_all_that_it_loads_is_light(browser, make_task, ann, settings, frame, status):
    if frame == "the product's":
        settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": []}]
    now = timezone.now()
    values = {"result": EXPORTED} if status == TaskState.Status.SUCCESSFUL else {}
    usual = {
        "host": "another",
        "lease": 1,
        "attempt": 1,
        "heartbeat_at": now,
        "claimed_at": now,
        "started_at": now,
    }
    task = make_task(ann, status=status, **usual | FULL | values)
    files = TaskFiles(task.pk, 1)
    files.create_directory()
    files.log.write_text("10,000 books written\n")

    body = browser.get(f"/tasks/{task.pk}/").content
    loaded = assets(Page(body.decode()))

    assert {"brokerless.css", "tasks.js"} <= {asset.name for asset in loaded}
    assert len(body) + sum(asset.stat().st_size for asset in loaded) <= HEAVIEST_PAGE
