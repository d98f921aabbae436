"""The search for Pythons that are new enough: every candidate is executed and asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# The first that a Django with tasks runs on, see "What Python version can I use with Django?" in its FAQ.
OLDEST = (3, 12)
VARIABLE = "PYTHONS"
VERSIONED_NAME = re.compile(r"python3\.(\d+)")
ANSWERING_TIME = 20  # seconds
# Read by Pythons of any age, and by each without the user's own modules and variables.
QUESTION = """
import json, sys
try:
    import ensurepip, venv
except ImportError:
    venv = None
print(json.dumps([sys.version_info[:3], sys.version_info[3] == "final", venv is not None]))
"""


@dataclass(frozen=True, order=True)
class Interpreter:
    """A Python that a virtual environment can be made with."""

    version: tuple[int, ...]
    path: str

    def __str__(self) -> str:
        return f"Python {as_text(self.version)}"


@dataclass(frozen=True)
class Search:
    """What a search came to: one interpreter per version, the oldest first, and why each other is none."""

    found: list[Interpreter] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def search(candidates: Iterable[str]) -> Search:
    """Execute every candidate and sort out which are of use."""
    found: dict[tuple[int, ...], Interpreter] = {}
    refused = {}
    for path in dict.fromkeys(candidates):
        try:
            interpreter = ask(path)
        except Unusable as reason:
            refused[path] = str(reason)
        else:
            found.setdefault(interpreter.version, interpreter)
    return Search(sorted(found.values()), refused)


def candidates(environment: Mapping[str, str], *, base_prefix: str = sys.base_prefix) -> Iterator[str]:
    """Yield what may be a Python 3: those that PYTHONS names, separated as in PATH, and no others if it does.

    Otherwise those on the PATH; then the one that runs this; then its neighbours, as whoever keeps several
    versions beside each other has them, by whatever means.
    """
    if named := environment.get(VARIABLE):
        yield from filter(None, named.split(os.pathsep))
        return
    for directory in filter(None, environment.get("PATH", "").split(os.pathsep)):
        yield from map(str, sorted(filter(_may_be_new_enough, Path(directory).glob("python3*"))))
    home = Path(base_prefix)
    yield str(home / "bin" / "python3")
    yield from map(str, sorted(home.parent.glob("*/bin/python3")))


def ask(path: str) -> Interpreter:
    """Return the interpreter at a path. Raises Unusable with the reason why it is of no use."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWERING_TIME,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(str(error)) from error
    if answer.returncode:
        # A name on the PATH may belong to a switch between versions that has none to switch to.
        raise Unusable(f"exit code {answer.returncode}: {answer.stderr.strip().partition(chr(10))[0]}")
    try:
        numbers, is_final, has_venv = json.loads(answer.stdout)
        version = tuple(numbers)
    except (ValueError, TypeError):
        raise Unusable(f"it answers {answer.stdout[:80]!r} and is no Python") from None
    if version < OLDEST:
        raise Unusable(f"{as_text(version)} is older than {as_text(OLDEST)}")
    if not is_final:
        raise Unusable(f"{as_text(version)} is not released yet")
    if not has_venv:
        raise Unusable("it has no venv module; on Debian and Ubuntu that is in the package python3-venv")
    return Interpreter(version, path)


class Unusable(Exception):  # noqa: N818 - reads as what it says
    """A candidate that no virtual environment can be made with."""


def as_text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _may_be_new_enough(path: Path) -> bool:
    """Tell by its name; `python3` alone may be any."""
    versioned = VERSIONED_NAME.fullmatch(path.name)
    return path.name == "python3" if versioned is None else (3, int(versioned[1])) >= OLDEST
