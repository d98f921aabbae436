"""Checks of what tasks are started with, by looking at the files alone; `starting` really starts it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from django.core import checks

from brokerless.checks.messages import needs_right_settings
from brokerless.conf import settings
from brokerless.launchers.command_line import interpreter, manage_py_problem


@needs_right_settings
def check_manage_py() -> list[checks.CheckMessage]:
    """E002: MANAGE_PY would not run tasks."""
    if settings.MANAGE_PY is None:
        return []
    problem = manage_py_problem(Path(settings.MANAGE_PY))
    hint = (
        "Have it call `execute_from_command_line` of brokerless.management; or leave MANAGE_PY out, and tasks run "
        "as `python -m brokerless`."
    )
    return [checks.Error(problem, hint=hint, id="brokerless.E002")] if problem else []


@needs_right_settings
def check_places() -> list[checks.CheckMessage]:
    """E004: DIRECTORY is no directory, or the program of PREFIX cannot be run."""
    messages = []
    if not Path(settings.DIRECTORY).is_dir():
        hint = "Name the directory that tasks are to run in, or leave DIRECTORY out: it is that of MANAGE_PY then."
        text = f"BROKERLESS: DIRECTORY: {settings.DIRECTORY} is no directory."
        messages.append(checks.Error(text, hint=hint, id="brokerless.E004"))
    for program in settings.PREFIX[:1]:
        if problem := _program_problem(str(program)):
            hint = "Install that program, or leave PREFIX out."
            messages.append(checks.Error(f"BROKERLESS: PREFIX: {problem}", hint=hint, id="brokerless.E004"))
    return messages


@needs_right_settings
def check_interpreter() -> list[checks.CheckMessage]:
    """E009: the Python that tasks are started with does not exist, or cannot be run."""
    problem = _program_problem(interpreter())
    if not problem:
        return []
    if settings.PYTHON is None:
        hint = "Set BROKERLESS['PYTHON'] to the Python of the project's virtual environment."
    else:
        hint = "Correct BROKERLESS['PYTHON'], or leave it out: tasks have this process's own Python then."
    return [checks.Error(f"Tasks cannot be started: {problem}", hint=hint, id="brokerless.E009")]


def _program_problem(program: str) -> str:
    """Return why a program cannot be started in DIRECTORY, or an empty text."""
    if not os.path.dirname(program):  # noqa: PTH120 - a Path would make "./python" of the same name
        return "" if shutil.which(program) else f"there is no program {program} on the PATH."
    # As the system does: from the directory that the process is started in.
    path = Path(settings.DIRECTORY) / program
    if not path.is_file():
        return f"there is no program {path}."
    return "" if os.access(path, os.X_OK) else f"{path} is not executable."
