"""The check that really starts what tasks are started with; it takes seconds, and so is one for deployment."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from django.core import checks

from brokerless.checks.messages import needs_right_settings
from brokerless.checks.programs import check_interpreter, check_manage_py, check_places
from brokerless.conf import settings
from brokerless.exceptions import SpawnError
from brokerless.launchers.command_line import command_line
from brokerless.processes import TASK_VARIABLE, identify, kill_tree
from brokerless.spawn import ended_with, spawn

if TYPE_CHECKING:
    from typing import IO

SAID_LIMIT = 2000  # bytes of what the process said, from its end
# Does nothing but print, once the interpreter runs, the settings are imported and the apps are loaded.
HARMLESS = ("tasks", "--help")
# A process that was started for a task refuses this; one that takes no notice runs the command by hand.
MISSING_TASK = "no-task:0"


@needs_right_settings
def check_start() -> list[checks.CheckMessage]:
    """E010: what tasks are started with does not run, or cannot load the site. E002: it does not call us."""
    if check_manage_py() or check_places() or check_interpreter():
        return []  # said already, and better
    problem = _start_problem()
    if problem:
        hint = (
            "Try it in a shell, as the site's user and in its environment. Correct PYTHON, PREFIX, MANAGE_PY or "
            "DIRECTORY in BROKERLESS, or install the project for that Python."
        )
        return [checks.Error(problem, hint=hint, id="brokerless.E010")]
    if settings.MANAGE_PY is None or _heeds_the_task_variable():
        return []
    text = f"{settings.MANAGE_PY} does not hand tasks over to us: started for one, it ran the command by hand."
    hint = "Have it call `execute_from_command_line` of brokerless.management, whatever the environment is."
    return [checks.Error(text, hint=hint, id="brokerless.E002")]


def _start_problem() -> str:
    """Start what tasks are started with, and return why it does not run, or an empty text."""
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        return "Tasks cannot be started: DJANGO_SETTINGS_MODULE is not set in the environment."
    try:
        words = [*command_line(HARMLESS[0]), *HARMLESS[1:]]
        code, said = _run(words)
    except SpawnError as error:
        return f"Tasks cannot be started: {error}"
    if code == 0:
        return ""
    ended = (
        f"exited with {code}"
        if code is not None
        else f"did not end within {settings.START_TIMEOUT:g} s (START_TIMEOUT)"
    )
    return f"What tasks are started with does not run: `{' '.join(words)}` {ended}, and said: {said or 'nothing'}"


def _heeds_the_task_variable() -> bool:
    """Tell whether a process that is started for a task does anything else than run the command by hand."""
    code, _ = _run([*command_line(HARMLESS[0]), *HARMLESS[1:]], **{TASK_VARIABLE: MISSING_TASK})
    return code != 0


def _run(words: list[str], **environment: str) -> tuple[int | None, str]:
    """Run a program in DIRECTORY; return its exit code, None if it took too long, and the end of what it said.

    Raises SpawnError.
    """
    with tempfile.TemporaryFile() as output:
        child = spawn(
            words, directory=settings.DIRECTORY, environment=os.environ | environment, output=output.fileno()
        )
        code = ended_with(child, within=settings.START_TIMEOUT)  # beyond that tasks would be given up, too
        if code is None:
            kill_tree(identify(child.pid))
            ended_with(child, within=settings.START_TIMEOUT)  # leaves no zombie
        return code, _end_of(output)


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - SAID_LIMIT))
    return output.read().decode("utf-8", "replace").strip()
