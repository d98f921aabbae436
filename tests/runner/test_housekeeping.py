"""The monitor's rounds for the others."""

from __future__ import annotations

import threading

import pytest

from brokerless import housekeeping as module
from brokerless.housekeeping import Housekeeping
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeping(monkeypatch):
    """Start the thread with the rounds that the test gives, and stop it at the end."""
    started = []

    def start(tick, interval=60.0):
        monkeypatch.setattr(module, "tick", tick)
        monkeypatch.setattr(module, "INTERVAL", interval)
        started.append(Housekeeping())
        started[-1].start()
        return started[-1]

    yield start
    for thread in started:
        thread.stop()
        assert not thread.is_alive()


def test_a_round_is_done_when_asked_for_and_may_fail(keeping):
    rounds = []

    def tick():
        rounds.append(1)
        raise RuntimeError("unforeseen")

    thread = keeping(tick)
    assert rounds == []
    thread.round_soon()
    eventually(lambda: len(rounds) == 1)
    thread.round_soon()
    eventually(lambda: len(rounds) == 2)


def test_rounds_are_done_now_and_then_by_themselves(keeping):
    rounds = []
    keeping(lambda: rounds.append(1), interval=0.02)
    eventually(lambda: len(rounds) >= 2)


def test_after_a_round_mails_are_begun_and_not_waited_for(keeping, monkeypatch):
    done = []
    monkeypatch.setattr(module, "send_failure_mails", lambda *, within: done.append(within))
    keeping(lambda: done.append("tick")).round_soon()
    eventually(lambda: done == ["tick", 0])


def test_none_is_begun_after_it_has_ceased_and_one_under_way_is_waited_for(keeping):
    begun, go_on, rounds = threading.Event(), threading.Event(), []

    def tick():
        begun.set()
        go_on.wait(20)
        rounds.append(1)

    thread = keeping(tick)
    thread.round_soon()
    assert begun.wait(20)
    thread.cease()
    thread.round_soon()
    go_on.set()
    thread.stop()
    assert rounds == [1]
