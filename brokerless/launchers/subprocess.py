"""The launcher that starts `manage.py <command>` as a process of its own."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import Error, connections

from brokerless import children, dispatch, reap, transitions
from brokerless.conf import settings
from brokerless.exceptions import SpawnError
from brokerless.launchers.base import Launcher
from brokerless.launchers.command_line import command_line, environment
from brokerless.models import TaskState
from brokerless.processes import identify, spawning
from brokerless.runtime_dir import TaskFiles
from brokerless.spawn import spawn

if TYPE_CHECKING:
    from uuid import UUID

    from brokerless.spawn import ChildProcess

# Set by the fixture of process tests: in a test database other tasks must not start real processes.
allowed_in_tests = False


class SubprocessLauncher(Launcher):
    """Start the process in a session of its own; a thread waits for its end, so that it leaves no zombie."""

    def start(self, task: TaskState) -> None:
        if is_test_run() and not allowed_in_tests:
            raise SpawnError("real processes are not started from a test database.")
        words = command_line(task.command)
        if not Path(settings.DIRECTORY).is_dir():
            raise SpawnError(f"BROKERLESS['DIRECTORY'] {settings.DIRECTORY} is no directory.")
        output = TaskFiles(task.pk, task.lease).open_log()
        try:
            with spawning:
                child = spawn(
                    words,
                    directory=settings.DIRECTORY,
                    environment=environment(task),
                    output=output,
                )
                children.add(child)
        finally:
            os.close(output)
        try:
            # Noted before anybody waits: who finds the child dead then also finds whose child it was.
            transitions.note_process(task, identify(child.pid))
        finally:
            threading.Thread(target=_await_end, args=(child, task.pk), daemon=True).start()


def is_test_run() -> bool:
    """Tell whether Django's test environment is set up in this process.

    Django says so nowhere in public. Not the mail's outbox: the backend that keeps mails in memory makes one too.
    """
    test_utils = sys.modules.get("django.test.utils")
    return test_utils is not None and hasattr(test_utils._TestState, "saved_data")  # noqa: SLF001


def _await_end(child: ChildProcess, task_id: UUID) -> None:
    children.wait(child)
    try:
        # A poll, tick or launch will look again when the database could not be asked.
        with suppress(Error):
            for task in TaskState.objects.filter(pk=task_id):
                if reap.look_at(task):  # it could not start the next task itself
                    dispatch.dispatch()
    finally:
        connections.close_all()
        children.forget(child)
