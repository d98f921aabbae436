"""What a launcher is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brokerless.models import TaskState


class Launcher(ABC):
    """Turns a claimed task into a process that adopts it."""

    @abstractmethod
    def start(self, task: TaskState) -> None:
        """Start the process of a claimed task and note it on the row. Raises SpawnError with the reason."""
