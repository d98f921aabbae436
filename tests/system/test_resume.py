"""A download that broke off is resumed, under ASGI and under WSGI, by this suite's client and by curl."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.requirements import require
from tests.system.running_site import RunningSite, finished
from tests.system.wsgi_site import WsgiSite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests

RECEIVED = 100_000  # bytes, before the connection breaks


@pytest.fixture(params=["uvicorn", "gunicorn"])
def site(
    request: pytest.FixtureRequest, new_site: Callable[..., RunningSite], tmp_path: Path, filled_sqlite: Path
) -> Iterator[RunningSite]:
    """Return a filled site, served by either server."""
    if request.param == "uvicorn":
        made = new_site()
    else:

        def words(site: WsgiSite) -> list[object]:
            gunicorn = [sys.executable, "-m", "gunicorn", "library.wsgi", "--bind", f"127.0.0.1:{site.port}"]
            return [*gunicorn, "--workers", 1, "--threads", 2]

        made = WsgiSite(tmp_path, filled_sqlite, words, HOME=str(tmp_path))
    made.start()
    yield made
    made.end()


@pytest.fixture
def stored(site: RunningSite) -> tuple[requests.Session, str, dict]:
    """Return somebody with a file: the session, the file's address, and the result of the task that made it."""
    visitor = site.visitor()
    task = finished(visitor, site.ask_for_export(visitor))
    assert task["result"]["bytes"] > 3 * RECEIVED, task
    return visitor, site.url + task["links"]["download"], task["result"]


def test_the_rest_is_fetched_after_the_connection_broke(stored: tuple) -> None:
    visitor, url, result = stored
    with visitor.get(url, stream=True, headers={"Accept-Encoding": "gzip"}) as answer:
        etag = answer.headers["ETag"]
        beginning = answer.raw.read(RECEIVED)
    assert len(beginning) == RECEIVED
    headers = {"Range": f"bytes={RECEIVED}-", "If-Range": etag, "Accept-Encoding": "gzip"}
    rest = visitor.get(url, headers=headers)
    assert rest.status_code == 206
    assert "Content-Encoding" not in rest.headers
    assert hashlib.sha256(beginning + rest.content).hexdigest() == result["sha256"]


def test_curl_resumes_a_file_that_is_there_in_part(stored: tuple, tmp_path: Path) -> None:
    program = shutil.which("curl") or ""
    require("curl", program, remedy="install the Debian package curl")
    visitor, url, result = stored
    path = tmp_path / "books.csv.gz"
    path.write_bytes(visitor.get(url).content[:RECEIVED])
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)
    command = [program, "--silent", "--show-error", "--fail", "--continue-at", "-", "--output", path]
    done = subprocess.run(
        [*command, "--cookie", cookies, "--write-out", "%{http_code} %{size_download}", url],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.stdout == f"206 {result['bytes'] - RECEIVED}", done.stderr
    assert hashlib.sha256(path.read_bytes()).hexdigest() == result["sha256"]
