"""Ending a command, step by step."""

from __future__ import annotations

import signal

import pytest

from brokerless import stop as module
from brokerless.stop import Stop


class Signals:
    """What would have been sent, and when."""

    def __init__(self, monkeypatch):
        self.sent = []
        monkeypatch.setattr(module, "signal_descendants", lambda number, **_: self.sent.append(number))


def test_a_stop_is_a_sigterm_each_second_and_then_sigkill(monkeypatch):
    signals = Signals(monkeypatch)
    stop = Stop(None, grace=2.5, began=100.0)
    for tenths in range(40):
        stop.act(100.0 + tenths / 10, reference="task:1")
    assert signals.sent == [signal.SIGTERM] * 3 + [signal.SIGKILL] * 2


def test_a_short_grace_ends_in_time(monkeypatch):
    signals = Signals(monkeypatch)
    stop = Stop(None, grace=0.3, began=100.0)
    stop.act(100.0, reference="task:1")
    assert stop.next_signal == pytest.approx(100.3)
    stop.act(100.2, reference="task:1")
    assert signals.sent == [signal.SIGTERM]
    stop.act(100.31, reference="task:1")
    assert signals.sent == [signal.SIGTERM, signal.SIGKILL]


def test_a_stop_that_is_hastened_kills_sooner_and_never_later(monkeypatch):
    signals = Signals(monkeypatch)
    stop = Stop(None, grace=10.0, began=100.0)
    stop.act(100.0, reference="task:1")
    stop.hasten(100.5, grace=0.2)
    stop.hasten(100.6, grace=5.0)
    assert stop.next_signal == pytest.approx(100.7)
    stop.act(100.71, reference="task:1")
    assert signals.sent == [signal.SIGTERM, signal.SIGKILL]
