"""Checks of the runtime directory; nothing is made for them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from django.core import checks

from brokerless.checks.messages import needs_right_settings
from brokerless.conf import settings
from brokerless.runtime_dir import PRIVATE_DIRECTORY, runtime_directory

if TYPE_CHECKING:
    from pathlib import Path


@needs_right_settings
def check_runtime_directory() -> list[checks.CheckMessage]:
    """E008: no task can use the runtime directory, whoever runs it. W005: this process's user cannot.

    The second is a warning, as a deployment may well be somebody else's work than the site's.
    """
    directory = runtime_directory()
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return _messages_of_missing(directory)
    except OSError as error:
        return [_unusable_here(f"{directory} cannot be looked at: {error.strerror}.")]
    if not stat.S_ISDIR(found.st_mode):
        hint = "Have BROKERLESS['RUNTIME_DIR'] name a directory itself; it is made where there is none."
        return [_unusable(f"{directory} is a link or a file.", hint)]
    mode = stat.S_IMODE(found.st_mode) & 0o777
    hint = f"Run `chmod 700 {directory}`."
    if mode & 0o077:
        return [_unusable(f"{directory} is open to others (mode {mode:o}).", hint)]
    if found.st_uid != os.geteuid():
        owners = f"belongs to user {found.st_uid}, but this process runs as {os.geteuid()}"
        return [_unusable_here(f"{directory} {owners}.")]
    if mode != PRIVATE_DIRECTORY:
        return [_unusable(f"{directory} cannot be written by its owner (mode {mode:o}).", hint)]
    if not _may_write(directory):
        return [_unusable(f"{directory} cannot be written.", "Name a directory on a disk that can be written.")]
    return []


def _messages_of_missing(directory: Path) -> list[checks.CheckMessage]:
    """Tell whether the first task will be able to make the directory."""
    if not settings.DIRECTORY or not os.path.isdir(settings.DIRECTORY):  # noqa: PTH112 - E004 says that
        return []
    parent = next(parent for parent in directory.parents if os.path.lexists(parent))
    if not parent.is_dir():
        hint = "Have BROKERLESS['RUNTIME_DIR'] name a directory that can be made."
        return [_unusable(f"{directory} cannot be made: {parent} is no directory.", hint)]
    if not _may_write(parent):
        return [_unusable_here(f"{directory} is not there, and this process may not make it in {parent}.")]
    return []


def _may_write(directory: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(directory, os.W_OK | os.X_OK, effective_ids=effective)


def _unusable(problem: str, hint: str) -> checks.CheckMessage:
    return checks.Error(f"The runtime directory {problem}", hint=hint, id="brokerless.E008")


def _unusable_here(problem: str) -> checks.CheckMessage:
    hint = (
        "Whatever launches or looks after tasks must run as the site's user; check as that user with `sudo -u`. "
        "If this is the site's user, give it the directory, or set BROKERLESS['RUNTIME_DIR']."
    )
    return checks.Warning(f"The runtime directory {problem}", hint=hint, id="brokerless.W005")
