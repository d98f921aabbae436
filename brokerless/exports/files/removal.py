"""One round of removing files from the storage: what is counted, what is left, when it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage
    from django.db.models import QuerySet

    from brokerless.exports.models import ExportFile

# A process may go on for a while after its task, and a file is there before its record says so.
LEAST_AGE = timedelta(days=1)
LARGEST_ROUND = 10_000  # records in memory at once; the others are the next round's
MOST_FAILURES = 3  # after which the storage is taken to be away, as each may take until a time-out


@dataclass
class Swept:
    """What was removed, or would be.

    files: whose time was over. records: of files that are gone. orphans: files of no record. left: a sentence for
    each that should have been removed and was not.
    """

    files: int = 0
    records: int = 0
    orphans: int = 0
    bytes: int = 0
    left: list[str] = field(default_factory=list)

    @property
    def is_hopeless(self) -> bool:
        return len(self.left) >= MOST_FAILURES


class Sweep:
    """One round; with `is_dry_run` everything is counted and nothing removed. deadline: of the monotonic clock."""

    def __init__(self, *, deadline: float | None = None, is_dry_run: bool = False) -> None:
        self.swept = Swept()
        self.is_dry_run = is_dry_run
        self._deadline = deadline

    def may_go_on(self) -> bool:
        is_in_time = self._deadline is None or time.monotonic() < self._deadline
        return is_in_time and not self.swept.is_hopeless

    def each(self, records: QuerySet) -> Iterator[ExportFile]:
        """Yield records until the time is up, as they were at first: no cursor is open while rows are written."""
        for record in list(records[:LARGEST_ROUND]):
            if not self.may_go_on():
                return
            yield record

    def remove_file(self, storage: Storage, name: str) -> bool:
        """Remove a file, which may be gone already; tell whether it is."""
        if self.is_dry_run:
            return True
        try:
            storage.delete(name)
        except Exception as error:  # every storage's library has errors of its own
            self.swept.left.append(f"{name}: {reason(error)}")
            return False
        return True


def reason(error: Exception) -> str:
    """Say what went wrong in a storage, whose library may raise what it likes."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
