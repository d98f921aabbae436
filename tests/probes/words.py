"""How a probe and its test leave word for each other: by files in a directory that the test gives it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

POLL_PAUSE = 0.01  # seconds


def say(directory: Path, name: str, text: object = None) -> None:
    """Leave a word for the test, whole or not at all; by default the pid."""
    draft = directory / f".{name}.{os.getpid()}"
    draft.write_text(str(os.getpid() if text is None else text))
    draft.replace(directory / name)


def await_word(directory: Path, name: str = "go") -> None:
    """Wait for a word of the test."""
    while not (directory / name).exists():
        time.sleep(POLL_PAUSE)
