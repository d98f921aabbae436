"""The launcher that starts `manage.py <command>` as a process of its own."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.signals import request_finished
from django.db import Error, connections

from brokerless import children, dispatch, reap, transitions
from brokerless.conf import settings
from brokerless.exceptions import SpawnError
from brokerless.inline import is_test_run
from brokerless.launchers.base import Launcher
from brokerless.launchers.command_line import command_line, environment
from brokerless.models import TaskState
from brokerless.processes import identify, spawning
from brokerless.runtime_dir import TaskFiles
from brokerless.signals import told_last
from brokerless.spawn import ChildProcess, spawn

if TYPE_CHECKING:
    from uuid import UUID

# Set by the fixture of process tests: in a test database other tasks must not start real processes.
allowed_in_tests = False


class SubprocessLauncher(Launcher):
    """Start the process in a session of its own; a thread waits for its end, so that it leaves no zombie.

    Where no thread goes on between two requests the end of the next request collects it.
    """

    def start(self, task: TaskState) -> None:
        if is_test_run() and not allowed_in_tests:
            raise SpawnError(
                "real processes are not started from a test database; to run tasks in the test's own process use "
                "brokerless.testing.inline_tasks()."
            )
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
            _see_to_the_end(child, task.pk)


def may_use_threads() -> bool:
    """Tell whether a thread goes on between two requests: not under uWSGI without `enable-threads`.

    There it would stand still wherever it is when a request ends, with a transaction open for example.
    """
    return bool(getattr(sys.modules.get("uwsgi"), "has_threads", True))


_unawaited: list[tuple[ChildProcess, UUID]] = []


def _see_to_the_end(child: ChildProcess, task_id: UUID) -> None:
    if may_use_threads():
        with suppress(RuntimeError):  # as many as the system allows are there already
            threading.Thread(target=_await_end, args=(child, task_id), daemon=True).start()
            return
    _unawaited.append((child, task_id))
    request_finished.connect(_collect_ended)


def _collect_ended(**_: object) -> None:
    for entry in list(_unawaited):
        child, task_id = entry
        if child.poll() is not None:
            _unawaited.remove(entry)
            _look_at_the_end(child, task_id)


def _await_end(child: ChildProcess, task_id: UUID) -> None:
    children.wait(child)
    try:
        _look_at_the_end(child, task_id)
    finally:
        connections.close_all()


@told_last()
def _look_at_the_end(child: ChildProcess, task_id: UUID) -> None:
    try:
        # A poll, tick or launch will look again when the database could not be asked.
        with suppress(Error):
            for task in TaskState.objects.filter(pk=task_id):
                if reap.look_at(task):  # it could not start the next task itself
                    dispatch.dispatch()
    finally:
        children.forget(child)
