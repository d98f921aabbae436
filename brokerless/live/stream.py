"""One open stream: a response's content that goes on until there is nothing more to tell, or its time is over."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.db import connections

from brokerless.live import frames, watcher
from brokerless.live.opened import Opened
from brokerless.live.shutdown import heed_signals, is_ending
from brokerless.live.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.core.handlers.asgi import ASGIRequest

    from brokerless.live.snapshots import Snapshots
    from brokerless.live.subscription import News, Watched
    from brokerless.live.watcher import Watcher
    from brokerless.models import TaskState

RETRY = 2000  # milliseconds
SILENCE = 15.0  # seconds; proxies close what says nothing for a minute
# Then the client connects anew, and whether its user may still see the task is looked at again.
LIFETIME = 300.0  # seconds
SPREAD = 30.0  # seconds by which lives are shorter, so that not all of them come back at once
FRAME_GAP = 0.1  # seconds between two frames
HINT_GAP = 0.5  # seconds between two hints, each of which makes the page ask


class Stream:
    """Iterates over the frames of a response, asynchronously, and is closed with it.

    It keeps a thread, which asgiref gave to its request and which sleeps, and no connection to the database.
    """

    def __init__(self, request: ASGIRequest, watched: Watched, snapshots: Snapshots | None = None) -> None:
        self._user_id = request.user.pk
        self._scope = request.scope
        self._watched = watched
        self._snapshots = snapshots
        self._subscription: Subscription | None = None
        self._watcher: Watcher | None = None
        self._opened: Opened | None = None
        # Of which the page is to be told, and when it may be.
        self._topics: set[str] = set()
        self._next_hint = 0.0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    def close(self) -> None:
        """Watch no longer. Django calls this when the response ends, in whatever way."""
        if self._opened is not None:
            self._opened.close()
        if self._watcher is not None:
            self._watcher.remove(self._subscription)

    async def _chunks(self) -> AsyncIterator[bytes]:
        heed_signals()
        # That of the view, in whose thread this runs: a stream holds none.
        await sync_to_async(_close_connections)()
        if is_ending():
            return
        self._subscription = Subscription(self._watched)
        try:
            self._opened = Opened(self._subscription, user_id=self._user_id, scope=self._scope, lifetime=LIFETIME)
            self._watcher = watcher.subscribe(self._subscription)
            yield frames.retry(RETRY) + (self._snapshots.first if self._snapshots else b"")
            async for chunk in self._later():
                yield chunk
        finally:
            self.close()

    async def _later(self) -> AsyncIterator[bytes]:
        """Yield frames as there is news, and comments in between, until the end."""
        now = spoke_at = time.monotonic()
        end = now + LIFETIME - random.uniform(0, SPREAD)  # noqa: S311 - no secret
        while now < end and not self._is_done():
            until = min(end, spoke_at + SILENCE, self._next_hint if self._topics else end)
            news = await self._subscription.news(until - now)
            chunk = await self._frames_of(news)
            now = time.monotonic()
            if not chunk and now >= spoke_at + SILENCE:
                if self._watcher.is_stuck():
                    return  # the client's next stream has another
                chunk = frames.COMMENT
            if chunk:
                yield chunk
                spoke_at = now
            if news.is_end:
                return
            if chunk:
                # What comes meanwhile is in the next frame.
                await asyncio.sleep(FRAME_GAP)
                now = time.monotonic()

    def _is_done(self) -> bool:
        """Tell whether the task has ended, and the page shows nothing else."""
        return self._snapshots is not None and self._snapshots.is_finished and not self._watched.topics

    async def _frames_of(self, news: News) -> bytes:
        self._topics |= news.topics
        found = b"" if news.task is None else await sync_to_async(self._snapshot)(news.task)
        if self._topics and time.monotonic() >= self._next_hint:
            found += frames.event("changed", {"topics": sorted(self._topics)})
            self._topics = set()
            self._next_hint = time.monotonic() + HINT_GAP
        return found

    def _snapshot(self, task: TaskState) -> bytes:
        try:
            return self._snapshots.frame(task)
        finally:
            _close_connections()


def _close_connections() -> None:
    """Close what this thread has open, unless somebody's transaction is under way, as in a test."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
