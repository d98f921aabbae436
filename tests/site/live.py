"""Streams in tests: opened as a browser does, and what comes out of them taken apart."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from django.test import AsyncClient

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from django.contrib.auth.models import User

    from brokerless.live.subscription import Subscription

WITHIN = 10.0  # seconds
STREAM = "text/event-stream"


class FakeWatcher:
    """Stands for the process's watcher: it keeps the subscriptions and tells them nothing by itself."""

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        self.stuck = False

    def subscribe(self, subscription: Subscription) -> FakeWatcher:
        self.subscriptions.append(subscription)
        return self

    def remove(self, subscription: Subscription) -> None:
        if subscription in self.subscriptions:
            self.subscriptions.remove(subscription)

    def is_stuck(self) -> bool:
        return self.stuck

    @property
    def only(self) -> Subscription:
        (found,) = self.subscriptions
        return found


class Ear:
    """Stands for a subscription: it keeps what the watcher tells it."""

    def __init__(self, watched: Any) -> None:
        self.watched = watched
        self.told: list[dict[str, Any]] = []

    def tell(self, **news: Any) -> None:
        self.told.append(news)

    @property
    def topics(self) -> list[str]:
        return [topic for news in self.told for topic in news.get("topics", ())]

    @property
    def tasks(self) -> list[Any]:
        return [news["task"] for news in self.told if news.get("task") is not None]

    @property
    def has_ended(self) -> bool:
        return any(news.get("is_end") for news in self.told)

    def forget(self) -> None:
        self.told.clear()


class OpenStream:
    """The frames of a response, one after the other."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self._chunks = aiter(response)
        self._text = ""

    async def frame(self) -> dict[str, Any] | None:
        """Return the next event or comment as its fields, `data` read; None at the end."""
        while "\n\n" not in self._text:
            try:
                self._text += (await soon(anext(self._chunks))).decode()
            except StopAsyncIteration:
                return None
        frame, _, self._text = self._text.partition("\n\n")
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        return fields | ({"data": json.loads(fields["data"])} if "data" in fields else {})

    async def rest(self) -> list[dict[str, Any]]:
        """Return all that comes until the end."""
        found = []
        while (frame := await self.frame()) is not None:
            found.append(frame)
        return found

    async def close(self) -> None:
        """Go away as a client does."""
        await self._chunks.aclose()
        self.response.close()


async def get(user: User | None, url: str, *, accept: str = STREAM, method: str = "get", **headers: str) -> Any:
    """Ask for a page as this person, through ASGI."""
    client = AsyncClient()
    if user is not None:
        await client.aforce_login(user)
    return await getattr(client, method)(url, headers={"accept": accept, **headers})


async def open_stream(user: User, url: str, **headers: str) -> OpenStream:
    """Open a stream as this person, and take its first frame, which says when to connect again."""
    response = await get(user, url, **headers)
    assert response.status_code == 200, response.content
    stream = OpenStream(response)
    assert await stream.frame() == {"retry": "2000"}
    return stream


async def soon(awaited: Awaitable[Any]) -> Any:
    """Return what comes. Raises TimeoutError if nothing does."""
    return await asyncio.wait_for(awaited, WITHIN)
