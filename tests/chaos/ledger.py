"""What happened, in the order in which it did: one file, to which every process of a run appends lines."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

DIRECTORY_VARIABLE = "CHAOS_DIRECTORY"  # also the mark by which a run's processes are known


class Ledger:
    """Appends entries, each by one write(2) to a file open for appending: whole, whoever is killed meanwhile."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger"
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @classmethod
    def of_this_run(cls) -> Ledger:
        return cls(run_directory())

    def note(self, what: str, **values: Any) -> None:
        """Append an entry; `at` is on the clock that all processes share, `wall` on the database's."""
        entry = {"what": what, "at": time.monotonic(), "wall": time.time(), **values}
        os.write(self._descriptor, json.dumps(entry).encode() + b"\n")


class LedgerReader:
    """Reads what was appended since the last time."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "ledger"
        self._path.touch()
        self._file = self._path.open("rb")

    def read(self) -> list[dict[str, Any]]:
        """Return the new entries; a line that is not whole yet comes with the next call."""
        found = []
        while (line := self._file.readline()).endswith(b"\n"):
            found.append(json.loads(line))
        if line:
            self._file.seek(-len(line), os.SEEK_CUR)
        return found


def run_directory() -> Path:
    """Return the directory of the run that this process belongs to."""
    return Path(os.environ[DIRECTORY_VARIABLE])
