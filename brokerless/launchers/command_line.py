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
from brokerless.unresolved import unresolved

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
    return [*settings.PREFIX, *program(), command]


def program() -> list[str]:
    """Return the words before the name of a management command. Raises SpawnError as `command_line()` does."""
    script = manage_py()
    if script is None:
        return [interpreter(), "-m", "brokerless"]
    problem = manage_py_problem(script)
    if problem:
        raise SpawnError(problem)
    return [interpreter(), str(script)]


def manage_py() -> Path | None:
    """Return MANAGE_PY as it was named to this process, behind a link to the current release for example."""
    if settings.MANAGE_PY is None:
        return None
    path = Path(settings.MANAGE_PY).absolute()
    return unresolved(path.parent) / path.name


def interpreter() -> str:
    """Return the Python of the project's virtual environment.

    Under uWSGI sys.executable is no Python, or it is the one that the environment was made with.
    """
    if settings.PYTHON is not None:
        return str(settings.PYTHON)
    programs = Path(sys.prefix) / "bin"
    executable = Path(sys.executable or "")
    is_foreign = sys.prefix != sys.base_prefix and executable.parent != programs
    if PYTHON_NAME.fullmatch(executable.name) and not is_foreign:
        return sys.executable
    # Debian's system-wide Python has no name without the 3.
    found = next((name for name in ("python", "python3") if (programs / name).exists()), "python")
    return str(programs / found)


def environment(task: TaskState) -> dict[str, str]:
    """Return this process's environment with the task's reference.

    Raises SpawnError when it does not name the settings module.
    """
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        raise SpawnError("DJANGO_SETTINGS_MODULE is not set in the environment: a new process needs it.")
    # PWD as a shell sets it: the working directory as it was named, see `brokerless.unresolved`.
    return os.environ | {TASK_VARIABLE: task.reference, "PWD": str(settings.DIRECTORY)}


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
