"""Checks of the entries of BROKERLESS as they are written, and of the site's URLs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.core import checks
from django.utils.module_loading import import_string

from brokerless import queues
from brokerless.checks.messages import needs_right_settings, settings_messages, url_messages
from brokerless.conf import settings


def check_settings() -> list[checks.CheckMessage]:
    """E001: an entry of BROKERLESS is unknown or has a wrong value."""
    return settings_messages(settings, "brokerless.E001")


@needs_right_settings
def check_dotted_paths() -> list[checks.CheckMessage]:
    """E003: LAUNCHER, or a path of CONTEXT, cannot be imported."""
    named = {"LAUNCHER": [settings.LAUNCHER]}
    named |= {f"CONTEXT[{name!r}]": pair for name, pair in settings.CONTEXT.items()}
    hint = "Name what can be imported, as `package.module.name`: a launcher's class, or two functions."
    return [
        checks.Error(f"BROKERLESS: {entry} cannot be imported: {problem}", hint=hint, id="brokerless.E003")
        for entry, paths in named.items()
        if (problem := _import_problem(paths, count=1 if entry == "LAUNCHER" else 2))
    ]


@needs_right_settings
def check_base_url() -> list[checks.CheckMessage]:
    """E005: BASE_URL is no address of a site. W001: it is not set."""
    hint = "Set it to the address of the site, such as https://books.example.org."
    if not settings.BASE_URL:
        message = (
            "BROKERLESS['BASE_URL'] is not set: a command that is run from cron or by hand can make no links."
        )
        return [checks.Warning(message, hint=hint, id="brokerless.W001")]
    parts = urlsplit(settings.BASE_URL)
    if parts.scheme in {"http", "https"} and parts.netloc:
        return []
    message = f"BROKERLESS['BASE_URL'] is {settings.BASE_URL!r}, which is no address of a site."
    return [checks.Error(message, hint=hint, id="brokerless.E005")]


@needs_right_settings
def check_queues() -> list[checks.CheckMessage]:
    """E006: an entry of QUEUES is wrong."""
    hint = "Correct QUEUES in the settings: each name has a dict, which may be empty."
    return [
        checks.Error(f"BROKERLESS: {problem}", hint=hint, id="brokerless.E006") for problem in queues.problems()
    ]


def check_urls() -> list[checks.CheckMessage]:
    """W002: the pages of tasks are not part of the site."""
    return url_messages("brokerless:tasks", 'path("tasks/", include("brokerless.urls"))', "brokerless.W002")


def _import_problem(paths: Any, *, count: int) -> str:
    if not isinstance(paths, list | tuple) or len(paths) != count:
        return f"{paths!r} is no pair of dotted paths."
    try:
        for path in paths:
            import_string(path)
    except ImportError as error:
        return str(error)
    return ""
