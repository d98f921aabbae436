"""What may have changed, as a source of changes tells it to the watcher."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from uuid import UUID


@dataclass
class Dirty:
    """Rows that are worth a look: of these ids, of these owners (their keys as text), or all that are watched."""

    task_ids: set[UUID] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    is_everything: bool = False

    def __bool__(self) -> bool:
        return self.is_everything or bool(self.task_ids or self.owners)


class Source(Protocol):
    """Where the watcher learns of changes; used by its thread alone, but for `wake`."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def wait(self, seconds: float) -> Dirty:
        """Return what may have changed, at the latest after so many seconds; nothing, if it was woken."""

    def wake(self) -> None:
        """End the wait, from any thread."""

    def found(self, changed: AbstractSet[UUID]) -> None:
        """Learn what a look at everything has found to be changed."""
