"""Streams end when their process is told to stop, and whoever else heeds the signal does as well."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from brokerless.live import shutdown

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return what happened, in its order; put the signals' handlers back."""
    happened: list[str] = []
    before = {number: signal.getsignal(number) for number in shutdown.SIGNALS}
    monkeypatch.setattr(shutdown, "end_streams", lambda: happened.append("streams end"))
    monkeypatch.setattr(shutdown, "_signalled_at", float("-inf"))
    yield happened
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", shutdown.SIGNALS)
def test_streams_end_at_a_signal_which_the_server_heeds_too(number: signal.Signals, ended: list[str]) -> None:
    signal.signal(number, lambda *_: ended.append("the server stops"))

    async def main() -> None:
        shutdown.heed_signals()
        shutdown.heed_signals()  # by the next stream
        assert not shutdown.is_ending()
        signal.raise_signal(number)
        assert shutdown.is_ending()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert ended == ["the server stops", "streams end"]


def test_another_loop_takes_the_place_of_the_first(ended: list[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: ended.append("the server stops"))

    async def main() -> None:
        shutdown.heed_signals()

    asyncio.run(main())
    asyncio.run(main())
    signal.raise_signal(signal.SIGTERM)  # with both loops closed
    assert ended == ["the server stops"]


def test_a_signal_that_ends_the_process_still_does(ended: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)

    async def main() -> None:
        shutdown.heed_signals()
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


def test_an_ignored_signal_stays_ignored(ended: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def main() -> None:
        shutdown.heed_signals()
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert not ended
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_beside_the_main_thread_signals_are_left_alone(ended: list[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def main() -> None:
        shutdown.heed_signals()

    thread = threading.Thread(target=asyncio.run, args=[main()])
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
