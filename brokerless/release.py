"""The release: whether what lies on disk is still what this process has loaded, and a round by what lies there."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

import brokerless
from brokerless import children
from brokerless.conf import settings
from brokerless.exceptions import SpawnError
from brokerless.launchers.command_line import manage_py, program
from brokerless.processes import NO_TASK, TASK_VARIABLE, spawning
from brokerless.spawn import ChildProcess, ended_with, spawn

logger = logging.getLogger("brokerless")

# How long a fresh process may take for a round; it is left to itself then.
LONGEST_ROUND = 10.0  # seconds
STDERR = 2  # of a monitor: its task's log

# What a release is known by: files with the times of their last change, and the real path of each folder.
Release = frozenset[tuple[str, int]]

_noted: Release | None = None


def take_note() -> None:
    """Note the release that this process has loaded; for a monitor, at its start."""
    global _noted
    _noted = on_disk()


def is_outdated() -> bool:
    """Tell whether the release has changed since `take_note()`; never in a process that took none."""
    return _noted is not None and on_disk() != _noted


def on_disk() -> Release:
    """Return what decides how the next task is started: the project's directory, its settings, this package.

    The directory's path is followed anew, as it may be a link to the current release. Other code is read by
    every task's own process anyway.
    """
    found = {(os.path.realpath(settings.DIRECTORY), 0)}
    if (script := manage_py()) is not None:
        found |= {(os.path.realpath(script), 0)} | _file(script)
    settings_module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    for module in (settings_module, brokerless):
        if path := getattr(module, "__file__", None):
            found |= _sources(Path(path).parent)
    return frozenset(found)


def tick_with_current_code() -> bool:
    """Have a fresh process do a round of housekeeping with the code that lies there now, and wait for its end.

    Tells whether it has done one; if not, tasks wait for the next round, poll, launch or tick.
    """
    try:
        child = begin_round()
    except SpawnError as error:
        logger.error("The release has changed, and the new one could not be started: %s", error)
        return False
    try:
        code = ended_with(child, within=LONGEST_ROUND)
    finally:
        children.forget(child)
    if code:
        logger.error("The release has changed, and a round with the new one ended with exit code %s.", code)
    return code == 0


def begin_round() -> ChildProcess:
    """Start a fresh process that does a round of housekeeping. Raises SpawnError."""
    with spawning:
        child = spawn(
            [*program(), "tasks", "tick", "--verbosity", "0"],
            directory=settings.DIRECTORY,
            # Marked as nobody's, or it would be ended as a part of the task whose monitor starts it.
            environment=os.environ | {TASK_VARIABLE: NO_TASK},
            output=STDERR,
        )
        children.add(child)
    return child


def _sources(folder: Path) -> Release:
    found = {(os.path.realpath(folder), 0)}
    with suppress(OSError):
        for path in folder.glob("*.py"):
            found |= _file(path)
    return frozenset(found)


def _file(path: Path) -> Release:
    """Return a file with the time of its last change; nothing if it is not there, in mid-deploy for example."""
    with suppress(OSError):
        return frozenset({(str(path), path.stat().st_mtime_ns)})
    return frozenset()
