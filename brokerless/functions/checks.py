"""Checks of the backend of Django's tasks, and of what it needs of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django
from django.apps import apps
from django.conf import settings as django_settings
from django.core import checks

if TYPE_CHECKING:
    from brokerless.backend import ProcessBackend

BACKPORT = "django_tasks"


def check_backend(backend: ProcessBackend) -> list[checks.CheckMessage]:
    """E011: OPTIONS or QUEUES of an entry of TASKS is wrong. E012: the rows' app is not installed."""
    entry = f"TASKS[{backend.alias!r}]"
    hint = "Correct TASKS in the settings; OPTIONS may hold timeout, memory_limit, nice and max_attempts."
    messages = [
        checks.Error(f"{entry}: {problem}", hint=hint, id="brokerless.E011") for problem in backend.problems()
    ]
    if not apps.is_installed("brokerless"):
        text = f"{entry} records its tasks in an app that is not installed."
        messages.append(checks.Error(text, hint='Add "brokerless" to INSTALLED_APPS.', id="brokerless.E012"))
    return messages


def check_framework() -> list[checks.CheckMessage]:
    """W010: TASKS names our backend, but the backport of Django's tasks is no app of the site."""
    if django.VERSION >= (6, 0) or apps.is_installed(BACKPORT) or not _names_our_backend():
        return []
    hint = (
        'Install it with `pip install "django-brokerless[tasks]"`, and add "django_tasks" to INSTALLED_APPS: its '
        "checks look at TASKS, and its log tells of tasks."
    )
    text = (
        f"TASKS is set, but Django {django.get_version()} has no tasks of its own, and INSTALLED_APPS no backport."
    )
    return [checks.Warning(text, hint=hint, id="brokerless.W010")]


def _names_our_backend() -> bool:
    entries = getattr(django_settings, "TASKS", None)
    named = [entry.get("BACKEND") for entry in entries.values()] if isinstance(entries, dict) else []
    return any(isinstance(path, str) and path.startswith("brokerless.") for path in named)
