"""System checks: a wrong setting is said with its id and the remedy before a task meets it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core import checks
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from brokerless.conf import settings
from brokerless.launchers.command_line import manage_py_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brokerless.conf import Settings

TAG = "brokerless"


@checks.register(TAG)
def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """E001: an entry of BROKERLESS is unknown or has a wrong value."""
    return settings_messages(settings, "brokerless.E001")


@checks.register(TAG)
def check_manage_py(**_: Any) -> list[checks.CheckMessage]:
    """E002: MANAGE_PY would not run tasks."""
    if settings.problems() or settings.MANAGE_PY is None:
        return []
    problem = manage_py_problem(Path(settings.MANAGE_PY))
    return [checks.Error(problem, id="brokerless.E002")] if problem else []


@checks.register(TAG)
def check_dotted_paths(**_: Any) -> list[checks.CheckMessage]:
    """E003: LAUNCHER, or a path of CONTEXT, cannot be imported."""
    if settings.problems():
        return []
    named = {"LAUNCHER": [settings.LAUNCHER]}
    named |= {f"CONTEXT[{name!r}]": pair for name, pair in settings.CONTEXT.items()}
    return [
        checks.Error(f"BROKERLESS: {entry} cannot be imported: {problem}", id="brokerless.E003")
        for entry, paths in named.items()
        if (problem := _import_problem(paths, count=1 if entry == "LAUNCHER" else 2))
    ]


@checks.register(TAG)
def check_places(**_: Any) -> list[checks.CheckMessage]:
    """E004: DIRECTORY is no directory, or a program that tasks are started with does not exist."""
    if settings.problems():
        return []
    missing = []
    if not Path(settings.DIRECTORY).is_dir():
        missing.append(f"DIRECTORY: {settings.DIRECTORY} is no directory.")
    for entry, program in (("PYTHON", settings.PYTHON), ("PREFIX", next(iter(settings.PREFIX), None))):
        if program is not None and shutil.which(str(program)) is None:
            missing.append(f"{entry}: there is no program {program}.")
    return [checks.Error(f"BROKERLESS: {text}", id="brokerless.E004") for text in missing]


@checks.register(TAG)
def check_base_url(**_: Any) -> list[checks.CheckMessage]:
    """E005: BASE_URL is no address of a site. W001: it is not set."""
    if settings.problems():
        return []
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


@checks.register(TAG)
def check_urls(**_: Any) -> list[checks.CheckMessage]:
    """W002: the pages of tasks are not part of the site."""
    return url_messages("brokerless:tasks", 'path("tasks/", include("brokerless.urls"))', "brokerless.W002")


def url_messages(
    view: str, remedy: str, check_id: str, *, arguments: Sequence[str] = ()
) -> list[checks.CheckMessage]:
    """Return a warning when a view of ours has no address on the site."""
    if getattr(django_settings, "ROOT_URLCONF", None) is None:
        return []
    try:
        reverse(view, args=arguments)
    except NoReverseMatch:
        hint = f"Add {remedy} to the site's URLs, or silence this where the pages are not wanted."
        return [checks.Warning(f"The site has no address for {view}.", hint=hint, id=check_id)]
    return []


def _import_problem(paths: Any, *, count: int) -> str:
    if not isinstance(paths, list | tuple) or len(paths) != count:
        return f"{paths!r} is no pair of dotted paths."
    try:
        for path in paths:
            import_string(path)
    except ImportError as error:
        return str(error)
    return ""


def settings_messages(table: Settings, check_id: str) -> list[checks.CheckMessage]:
    """Return an error for every wrong entry of a settings dict."""
    hint = f"Correct {table.dict_name} in the settings."
    return [checks.Error(problem, hint=hint, id=check_id) for problem in table.problems()]
