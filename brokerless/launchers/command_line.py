"""The command line, environment and working directory of a task's process."""

from __future__ import annotations

import ast
import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from brokerless.conf import settings
from brokerless.exceptions import SpawnError
from brokerless.processes import TASK_VARIABLE

if TYPE_CHECKING:
    from brokerless.models import TaskState

OURS = "brokerless.management.execute_from_command_line"
DJANGOS = frozenset(
    {"django.core.management.execute_from_command_line", "django.core.management.ManagementUtility"}
)
# Any of CPython's and PyPy's names, with or without a version, free-threaded or for debugging.
PYTHON_NAME = re.compile(r"(python|pypy)[\d.]*[td]*(-dbg)?")


def command_line(command: str) -> list[str]:
    """Return the words that run a command as a task; what it is called with is read from the row.

    Raises SpawnError when MANAGE_PY would not run it as a task.
    """
    if settings.MANAGE_PY is None:
        start = [interpreter(), "-m", "brokerless"]
    else:
        manage_py = Path(settings.MANAGE_PY).absolute()
        problem = manage_py_problem(manage_py)
        if problem:
            raise SpawnError(problem)
        start = [interpreter(), str(manage_py)]
    return [*settings.PREFIX, *start, command]


def interpreter() -> str:
    """Return the Python of the project's virtual environment; under uWSGI sys.executable is no Python."""
    if settings.PYTHON is not None:
        return str(settings.PYTHON)
    if PYTHON_NAME.fullmatch(Path(sys.executable or "").name):
        return sys.executable
    programs = Path(sys.prefix) / "bin"
    # Debian's system-wide Python has no name without the 3.
    found = next((name for name in ("python", "python3") if (programs / name).exists()), "python")
    return str(programs / found)


def environment(task: TaskState) -> dict[str, str]:
    """Return this process's environment with the task's reference.

    Raises SpawnError when it does not name the settings module.
    """
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        raise SpawnError("DJANGO_SETTINGS_MODULE is not set in the environment: a new process needs it.")
    return os.environ | {TASK_VARIABLE: task.reference}


def manage_py_problem(path: Path) -> str:
    """Return why a manage.py cannot run tasks, or an empty text.

    A stock one would run the command at once, with default options, whatever was asked for.
    """
    try:
        return _manage_py_problem(path, path.stat().st_mtime_ns)
    except (OSError, SyntaxError, ValueError) as error:
        return f"MANAGE_PY cannot be read: {error}"


@lru_cache(maxsize=8)
def _manage_py_problem(path: Path, _modified: int) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = _imported(tree)
    names = dict(imported)
    used = {_in_full(node, names) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)}
    # Where both are there, which one is called cannot be told from here.
    if OURS in used and not DJANGOS & (used | {full for _, full in imported}):
        return ""
    return (
        f"{path} does not call brokerless.management.execute_from_command_line: import it from there "
        "instead of from django.core.management, or leave MANAGE_PY out."
    )


def _imported(tree: ast.AST) -> list[tuple[str, str]]:
    """Return the names that imports bind, with what each stands for in full."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found += [(name.asname or name.name, f"{node.module}.{name.name}") for name in node.names]
        elif isinstance(node, ast.Import):
            found += [(name.asname, name.name) for name in node.names if name.asname]
    return found


def _in_full(node: ast.expr, names: dict[str, str]) -> str:
    first, dot, rest = ast.unparse(node).partition(".")
    return f"{names.get(first, first)}{dot}{rest}"
