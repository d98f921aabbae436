"""System checks: a wrong setting is said with its id and the remedy before a task meets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core import checks

from brokerless.conf import settings
from brokerless.launchers.command_line import manage_py_problem

if TYPE_CHECKING:
    from brokerless.conf import Settings

TAG = "brokerless"


@checks.register(TAG)
def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001: an entry of BROKERLESS is unknown or has a wrong value."""
    return settings_messages(settings, "brokerless.E001")


@checks.register(TAG)
def check_manage_py(**_: Any) -> list[checks.CheckMessage]:
    """E002: MANAGE_PY would not run tasks."""
    if settings_messages(settings, "") or settings.MANAGE_PY is None:
        return []
    problem = manage_py_problem(Path(settings.MANAGE_PY))
    hint = "Import execute_from_command_line from brokerless.management there, or leave MANAGE_PY out."
    return [checks.Error(problem, hint=hint, id="brokerless.E002")] if problem else []


@checks.register(TAG)
def check_base_url(**_: Any) -> list[checks.CheckMessage]:
    """W001: links cannot be made without a request."""
    if settings_messages(settings, "") or settings.BASE_URL:
        return []
    message = "BROKERLESS['BASE_URL'] is not set: a command that is run from cron or by hand can make no links."
    hint = "Set it to the address of the site, such as https://books.example.org."
    return [checks.Warning(message, hint=hint, id="brokerless.W001")]


def settings_messages(table: Settings, check_id: str) -> list[checks.CheckMessage]:
    """Return an error for every wrong entry of a settings dict."""
    hint = f"Correct {table.dict_name} in the settings."
    return [checks.Error(problem, hint=hint, id=check_id) for problem in table.problems()]
