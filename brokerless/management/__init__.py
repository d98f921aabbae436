"""The drop-in for Django's `execute_from_command_line` that can also run a task."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from brokerless.unresolved import note_names

if TYPE_CHECKING:
    from collections.abc import Sequence


def execute_from_command_line(argv: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name: by hand as Django does, or as the task of this process.

    A process that was started for a task takes the arguments from the task's row, watched by its monitor.
    """
    # "none" is for nobody: a round of housekeeping that a monitor has started, say.
    # Taken out at once, so that no process that the command starts takes itself for the task.
    reference = os.environ.pop("BROKERLESS_TASK", "none")
    descriptors = os.environ.pop("BROKERLESS_LINK", None)
    note_names()
    if reference == "none" and descriptors is None:
        _run_by_hand(sys.argv if argv is None else argv)
        return
    from brokerless import bootstrap

    if descriptors is not None:
        bootstrap.run_command_process(descriptors)
    bootstrap.run_task(reference, list(sys.argv if argv is None else argv))


def _run_by_hand(argv: Sequence[str]) -> None:
    """Run a command as Django does, and leave a record where the settings want one."""
    from django.core.management import execute_from_command_line as run_as_django_does

    from brokerless.recording import typed

    line = typed.read(argv)
    if line.is_recorded:
        from brokerless.recording.running import run_recorded

        run_recorded(line)  # comes back only where nothing can be recorded
    try:
        run_as_django_does(line.argv)
    finally:
        if line.asks_for_help:
            print(typed.HELP)
