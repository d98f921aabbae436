"""A real nginx sends the files (`X-Accel-Redirect`), and Django decides who gets them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
import requests

from tests.system.nginx import INTERNAL, Nginx
from tests.system.running_site import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.system.running_site import RunningSite

SETTINGS = """
from library.settings import *
from library.settings import EXPORTS
EXPORTS = EXPORTS | {{"ACCEL_REDIRECT": "{internal}"}}
"""


@pytest.fixture
def site(new_site: Callable[..., RunningSite], tmp_path: Path) -> Iterator[RunningSite]:
    """Return a filled site whose pages and files come through nginx."""
    (tmp_path / "behind_nginx.py").write_text(SETTINGS.format(internal=INTERNAL))
    made = new_site(DJANGO_SETTINGS_MODULE="behind_nginx", PYTHONPATH=str(tmp_path))
    nginx = Nginx(tmp_path / "nginx", made)
    made.environment["BASE_URL"] = nginx.url
    made.start()
    nginx.start()
    made.server_url, made.url = made.url, nginx.url
    yield made
    nginx.stop()


@pytest.fixture
def stored(site: RunningSite) -> tuple[requests.Session, str, dict]:
    """Return somebody with a file: the session, the file's address, and the result of the task that made it."""
    visitor = site.visitor()
    task = finished(visitor, site.ask_for_export(visitor, language="eng"))
    assert task["status"] == "SUCCESSFUL", task
    return visitor, site.url + task["links"]["download"], task["result"]


def test_nginx_sends_the_file_with_the_headers_that_keep_it_private(stored: tuple, site: RunningSite) -> None:
    visitor, url, result = stored
    answer = visitor.get(url)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == result["sha256"]
    assert answer.headers["Server"].startswith("nginx")
    assert answer.headers["Content-Type"] == "application/gzip"
    assert answer.headers["Content-Length"] == str(result["bytes"])
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{result["name"]}"'
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Encoding" not in answer.headers
    assert "X-Accel-Redirect" not in answer.headers
    # What the server behind it says is the name alone.
    behind = visitor.get(url.replace(site.url, site.server_url))
    assert behind.headers["X-Accel-Redirect"].startswith(INTERNAL)
    assert behind.content == b""


def test_nginx_resumes_a_download_that_broke_off(stored: tuple) -> None:
    visitor, url, result = stored
    head = visitor.head(url)
    assert head.headers["Content-Length"] == str(result["bytes"])
    beginning = visitor.get(url, headers={"Range": "bytes=0-999"})
    assert (beginning.status_code, len(beginning.content)) == (206, 1000)
    rest = visitor.get(url, headers={"Range": "bytes=1000-", "If-Range": beginning.headers["ETag"]})
    assert rest.status_code == 206
    assert rest.headers["Content-Range"] == f"bytes 1000-{result['bytes'] - 1}/{result['bytes']}"
    assert hashlib.sha256(beginning.content + rest.content).hexdigest() == result["sha256"]
    another = visitor.get(url, headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    assert (another.status_code, len(another.content)) == (200, result["bytes"])
    behind = visitor.get(url, headers={"Range": f"bytes={result['bytes']}-"})
    assert behind.status_code == 416
    assert behind.headers["Content-Range"] == f"bytes */{result['bytes']}"


def test_nobody_gets_a_file_past_django(stored: tuple, site: RunningSite) -> None:
    visitor, url, _ = stored
    name = next(path.name for path in (site.directory / "exports").iterdir() if not path.name.startswith("."))
    assert visitor.get(f"{site.url}{INTERNAL}{name}").status_code == 404
    assert site.visitor("bob").get(url).status_code == 404
    assert requests.get(url, allow_redirects=False, timeout=20).status_code == 302
