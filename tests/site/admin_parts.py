"""What the tests of the admin have in common: its addresses, its permissions, and what staff do in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpResponse
    from django.test import Client

TASKS = "/admin/brokerless/taskstate/"
HOSTS = "/admin/brokerless/host/"
FILES = "/admin/brokerless_exports/exportfile/"
LAUNCH = f"{TASKS}launch/"
VIEW, CHANGE, DELETE = "view_taskstate", "change_taskstate", "delete_taskstate"
CANCEL, RETRY, LAUNCH_COMMANDS = "cancel_taskstate", "retry_taskstate", "launch_taskstate"


def act(browser: Client, action: str, *rows: Model, url: str = TASKS, **values: str) -> HttpResponse:
    """Choose an action of the list for these rows."""
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return browser.post(url, chosen | values, follow=True)


def hidden(response: HttpResponse) -> dict[str, list[str]]:
    """Return what a page's hidden fields send, but the token that the test client goes without."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(
        r'<input type="hidden" name="([^"]+)" value="([^"]*)">', response.content.decode()
    ):
        found.setdefault(name, []).append(value)
    found.pop("csrfmiddlewaretoken", None)
    return found


def said(response: HttpResponse) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def titles(response: HttpResponse) -> list[str]:
    return [row.title for row in response.context["cl"].result_list]
