"""The demonstration: the real site, used over HTTP as a visitor's browser would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests
from django.conf import settings
from django.contrib.auth.models import Permission, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER_NAME = "demo"
PASSWORD = "demo"  # noqa: S105 - of an account that exists on the visitor's own machine only
PERMISSIONS = ["view_book", "generate_book", "view_author", "recompute_authorstatistics"]
START_TIMEOUT = 30  # seconds
REQUEST_TIMEOUT = 30
TASK_TIMEOUT = 300
STOP_TIMEOUT = 10
JSON = {"Accept": "application/json"}


class DemoError(Exception):
    """The demonstration did not go as it should; the text says where."""


def create_user() -> User:
    """Return the account of the demonstration, with what it may do."""
    user, _ = User.objects.get_or_create(username=USER_NAME, defaults={"email": "demo@example.org"})
    user.set_password(PASSWORD)
    user.save()
    user.user_permissions.add(
        *Permission.objects.filter(content_type__app_label="library", codename__in=PERMISSIONS)
    )
    return user


@contextmanager
def running_site(port: int) -> Iterator[str]:
    """Run the site under uvicorn, yield its address when it answers, and stop it at the end."""
    url = f"http://127.0.0.1:{port}"
    words = [
        sys.executable,
        "-m",
        "uvicorn",
        "library.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    server = subprocess.Popen(words, cwd=settings.BASE_DIR, env=os.environ | {"BASE_URL": url})  # noqa: S603
    try:
        _await_answer(server, url)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await_answer(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise DemoError(f"The server ended at once with exit code {server.returncode}; see above.")
        try:
            requests.head(urljoin(url, settings.STATIC_URL), timeout=REQUEST_TIMEOUT)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise DemoError(f"The server did not answer within {START_TIMEOUT} s.")


class Visitor:
    """Somebody with a browser: logs in, asks for an export, looks at its page."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def log_in(self) -> None:
        answer = self._post("/login/", {"username": USER_NAME, "password": PASSWORD})
        if answer.status_code != HTTPStatus.FOUND:
            raise DemoError(f"Logging in was answered with {answer.status_code}.")

    def ask_for_export(self) -> str:
        """Ask for all books with a mail, and return the address of the task's page."""
        answer = self._post("/exports/books/", {"email_me": "on"})
        if answer.status_code != HTTPStatus.SEE_OTHER:
            raise DemoError(f"Asking for the export was answered with {answer.status_code}.")
        return urljoin(self.url, answer.headers["Location"])

    def watch(self, task_url: str, show: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Look at the task until it is finished, as its page does, and return it."""
        deadline = time.monotonic() + TASK_TIMEOUT
        while time.monotonic() < deadline:
            task = self._session.get(task_url, headers=JSON, timeout=REQUEST_TIMEOUT).json()
            show(task)
            if task["next_poll_ms"] is None:
                return task
            time.sleep(task["next_poll_ms"] / 1000)
        raise DemoError(f"The task {task_url} was not finished after {TASK_TIMEOUT} s.")

    def _post(self, path: str, fields: dict[str, str]) -> requests.Response:
        page = urljoin(self.url, path)
        self._session.get(page, timeout=REQUEST_TIMEOUT)  # sets the cookie against cross-site requests
        token = {"csrfmiddlewaretoken": self._session.cookies["csrftoken"]}
        return self._session.post(page, data=fields | token, allow_redirects=False, timeout=REQUEST_TIMEOUT)
