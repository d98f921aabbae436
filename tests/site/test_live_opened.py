"""Open streams: how many a user has, how all of them end, and what becomes of those that nobody reads."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync

from brokerless.live import opened, stream
from brokerless.live.cutting import cut
from tests.site.live import FakeWatcher, get, open_stream, soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

URL = "/tasks/events?notices=1"


@pytest.fixture(autouse=True)
def _nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokerless.live.watcher.subscribe", FakeWatcher().subscribe)
    monkeypatch.setattr(opened, "GRACE", 0.05)


def test_beyond_so_many_of_a_user_the_oldest_ends(ann: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "PER_USER", 2)

    async def main() -> dict[Any, int]:
        others = await open_stream(bob, URL)
        first, second, third = [await open_stream(ann, URL) for _ in range(3)]
        assert await first.rest() == []
        left = {user: len(streams) for user, streams in opened._opened.items()}
        for each in (others, second, third):
            await each.close()
        return left

    assert async_to_sync(main)() == {bob.pk: 1, ann.pk: 2}
    assert not opened._opened


def test_all_streams_end_together_whoever_they_listen_to(
    ann: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> list[Any]:
        streams = [await open_stream(ann, URL)]
        monkeypatch.setattr("brokerless.live.watcher.subscribe", FakeWatcher().subscribe)
        streams.append(await open_stream(bob, URL))
        opened.end_streams()
        return [await each.rest() for each in streams]

    assert async_to_sync(main)() == [[], []]


@pytest.mark.parametrize("is_ended", [False, True])
def test_a_client_that_does_not_read_keeps_nothing_beyond_its_time(
    ann: User, monkeypatch: pytest.MonkeyPatch, is_ended: bool
) -> None:
    async def client() -> None:
        """Stand for a server that waits until its client reads."""
        response = await get(ann, URL)
        async with aclosing(aiter(response)) as chunks:
            await anext(chunks)
            if is_ended:
                opened.end_streams()
            await asyncio.Event().wait()

    async def main() -> None:
        await soon(asyncio.create_task(client()))

    if not is_ended:
        monkeypatch.setattr(stream, "LIFETIME", 0.05)
    with pytest.raises(asyncio.CancelledError):
        async_to_sync(main)()
    assert not opened._opened


@pytest.fixture(params=["127.0.0.1", "::1"])
def connected(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return both ends of a connection."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listening:
        try:
            listening.bind((request.param, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        listening.listen()
        with socket.socket(family) as client:
            client.connect(listening.getsockname())
            server, _ = listening.accept()
            with server:
                yield client, server


def test_of_connections_the_one_between_two_addresses_is_cut(
    connected: tuple[socket.socket, socket.socket],
) -> None:
    client, server = connected
    ends = {"client": list(server.getpeername()[:2]), "server": list(server.getsockname()[:2])}
    for others in ({}, {"client": None}, {"server": ("/run/site.sock", None)}, {"client": ("192.0.2.1", 0)}):
        assert not cut({} if not others else ends | others)
    server.send(b"still open")
    assert client.recv(100) == b"still open"
    assert cut(ends)
    assert client.recv(100) == b""
