"""What a launch is to record: a management command, with what, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brokerless import queues

if TYPE_CHECKING:
    from datetime import datetime

    from brokerless.models import TaskState


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a management command.

    arguments, options: JSON, as `launch()` has them. title, queue, priority, run_after: those of a launch that
    gives none.
    """

    command: str
    arguments: list[Any]
    options: dict[str, Any]
    title: str
    queue: str = queues.DEFAULT
    priority: int = 0
    run_after: datetime | None = None

    def defaults(self) -> queues.Queue:
        """Return the limits for what a launch gives none. Raises UnknownQueue."""
        return queues.get_queue(self.queue)

    def recorded(self, task: TaskState) -> None:
        """Do what is to be done once the row is recorded, before anything is started for it."""


def in_words(name: str) -> str:
    """Return an identifier as the title of what it does: "export_books" is "Export books"."""
    return name.strip("_").replace("_", " ").capitalize()
