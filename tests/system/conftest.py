"""Fixtures of the system tests: the site on each database, a browser, a mail server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller

from tests.postgres import create_database, drop_database
from tests.requirements import POSTGRES_URL, chromium, missing
from tests.system import sample
from tests.system.browsing import PATIENCE, log_in
from tests.system.mailbox import Mailbox
from tests.system.running_site import RunningSite, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.system.sample import Sampled

BOOKS = 60_000
# A browser that is nobody's: no sandbox for root in a container, and nothing asked of the network.
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/system" in str(item.path):
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def filled_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite database with tables, accounts and books; to be copied."""
    directory = tmp_path_factory.mktemp("filled")
    path = directory / "db.sqlite3"
    site = RunningSite(directory, f"sqlite:///{path}")
    site.prepare()
    site.manage_well("load_books", "--sample")
    site.manage_well("generate_books", BOOKS, "--seed", 1)
    # Into the one file, so that it can be copied.
    site.query("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def new_site(tmp_path: Path, filled_sqlite: Path) -> Iterator[Callable[..., RunningSite]]:
    """Return a function that makes a filled site on SQLite with these environment variables."""
    sites: list[RunningSite] = []

    def make(**environment: str) -> RunningSite:
        directory = tmp_path / f"site{len(sites)}"
        directory.mkdir()
        copy = directory / "db.sqlite3"
        copy.write_bytes(filled_sqlite.read_bytes())
        sites.append(RunningSite(directory, f"sqlite:///{copy}", **environment))
        return sites[-1]

    yield make
    for site in sites:
        site.end()


@pytest.fixture
def site(new_site: Callable[..., RunningSite]) -> RunningSite:
    """Return a filled site on SQLite, its server running."""
    made = new_site()
    made.start()
    return made


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory, filled_sqlite: Path) -> Iterator[Sampled]:
    """Return a site with a task in every status, its server running; for tests that change none of them."""
    directory = tmp_path_factory.mktemp("sampled")
    copy = directory / "db.sqlite3"
    copy.write_bytes(filled_sqlite.read_bytes())
    site = RunningSite(directory, f"sqlite:///{copy}")
    made = sample.add_to(site)
    try:
        site.start()
        yield made
    finally:
        made.end()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningSite]:
    """Return a site with tables and accounts but no books, on each database."""
    if request.param == "sqlite":
        made = RunningSite(tmp_path, f"sqlite:///{tmp_path / 'db.sqlite3'}")
        made.prepare()
        yield made
        made.end()
        return
    try:
        name = create_database(POSTGRES_URL)
    except OSError as error:
        missing("PostgreSQL", f"{error} (set TEST_POSTGRES_URL)")
    made = RunningSite(tmp_path, POSTGRES_URL.rpartition("/")[0] + f"/{name}")
    try:
        made.prepare()
        yield made
        made.end()
    finally:
        drop_database(POSTGRES_URL, name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium, driven by playwright.

    For one module only: between two there may be tests of monitors, which end every child of this process.
    """
    path = chromium()
    # Playwright runs an event loop in this thread, which Django takes for a reason to refuse the database.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        yield running
        running.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser, site: RunningSite) -> Iterator[Page]:
    """Return a page of somebody who has logged in."""
    context = browser.new_context(base_url=site.url)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    log_in(page)
    yield page
    context.close()
    assert not errors


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp_url(mailbox: Mailbox) -> Iterator[str]:
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    yield f"smtp://127.0.0.1:{server.port}"
    server.stop()
