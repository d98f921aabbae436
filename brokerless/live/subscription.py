"""What an open stream waits for, and what the watcher has told it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from brokerless.models import TaskState

ROWS, NOTICES = "rows", "notices"


@dataclass(frozen=True)
class Watched:
    """What a page shows: one task in full, rows of a list, what its user is told of the own tasks.

    owner_id: whose tasks, if the page shows notices.
    """

    task_id: UUID | None = None
    row_ids: frozenset[UUID] = frozenset()
    owner_id: Any = None

    @property
    def task_ids(self) -> set[UUID]:
        return {*self.row_ids, *([] if self.task_id is None else [self.task_id])}

    @property
    def topics(self) -> set[str]:
        found = {ROWS: bool(self.row_ids), NOTICES: self.owner_id is not None}
        return {topic for topic, is_watched in found.items() if is_watched}


@dataclass
class News:
    """The task as it is now, if it may have changed; the topics of which something has; whether it is over."""

    task: TaskState | None = None
    topics: set[str] = field(default_factory=set)
    is_end: bool = False

    def __bool__(self) -> bool:
        return self.is_end or self.task is not None or bool(self.topics)


class Subscription:
    """Hands news from the watcher's thread to a stream's event loop; of several news that wait the last counts.

    To be made in that loop.
    """

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        self._news = News()

    def tell(self, *, task: TaskState | None = None, topics: Iterable[str] = (), is_end: bool = False) -> None:
        """Leave news for the stream, from any thread."""
        with suppress(RuntimeError):  # the loop is closed, and the stream with it
            self._loop.call_soon_threadsafe(self._take, task, tuple(topics), is_end)

    async def news(self, seconds: float) -> News:
        """Return what was told since the last call; nothing, if nothing is told for so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), max(0, seconds))
        self._bell.clear()
        news, self._news = self._news, News()
        return news

    def _take(self, task: TaskState | None, topics: Iterable[str], is_end: bool) -> None:
        self._news.task = task or self._news.task
        self._news.topics.update(topics)
        self._news.is_end |= is_end
        self._bell.set()
