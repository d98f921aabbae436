"""Directories as they were named to this process, with their symbolic links.

Python resolves the links in a script's directory, and with them the `__file__` from which settings make paths.
A path behind a link to the current release would so become one in the release of the day, for all further tasks.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path


@cache
def _names() -> dict[Path, Path]:
    """Return the directories of the script and of the working directory, as named, by their real paths."""
    # The shell's own notion of the working directory, which POSIX has it pass on; the launcher does so, too.
    named = [os.environ.get("PWD") or ".", os.path.dirname(sys.argv[0] if sys.argv else "") or "."]  # noqa: PTH120
    return {Path(name).resolve(): Path(name).absolute() for name in named}


def note_names() -> None:
    """Note what the links lead to now; to be called before they may be others."""
    _names()


def unresolved(directory: Path) -> Path:
    """Return a directory by the name that leads to it anew, if this process was started by one."""
    return _names().get(directory, directory)
