"""What a monitor starts after its own task, and when it starts nothing more."""

from __future__ import annotations

import os
import signal

import pytest
from django.db import OperationalError

from brokerless import succession, supervision
from brokerless.cancel import LOOK_NOW
from brokerless.succession import await_next_attempt, do_the_rest, start_next
from brokerless.supervision import HEEDED_SIGNALS, hold_signals


@pytest.fixture(autouse=True)
def _signals():
    """Hold signals as a monitor does, and have them as before after the test."""
    kept = {number: signal.getsignal(number) for number in HEEDED_SIGNALS}
    for number in HEEDED_SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # whatever has run the suite, `nohup` for example
    hold_signals()
    yield
    supervision._held.clear()
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def done(monkeypatch):
    """Note what would have been done."""
    found = []
    monkeypatch.setattr(succession, "tick", lambda: found.append("tick"))
    monkeypatch.setattr(succession, "stand_by", lambda: found.append("stand by"))
    monkeypatch.setattr(succession, "collect_orphans_from_now_on", lambda: found.append("collect"))
    monkeypatch.setattr(succession, "send_failure_mails", lambda: found.append("mail"))
    monkeypatch.setattr(succession, "purge_daily", lambda: found.append("purge"))
    return found


def test_the_next_tasks_are_started(done):
    start_next()
    assert done == ["tick"]


def test_a_database_that_is_locked_is_tried_again(done, monkeypatch):
    errors = [OperationalError("database is locked")] * 2

    def tick():
        if errors:
            raise errors.pop()
        done.append("tick")

    monkeypatch.setattr(succession, "PAUSE", 0.001)
    monkeypatch.setattr(succession, "tick", tick)
    start_next()
    assert done == ["tick"]


def test_an_error_in_a_round_is_logged_and_ends_it(done, monkeypatch, caplog):
    def tick():
        done.append("tick")
        raise ValueError("unforeseen")

    monkeypatch.setattr(succession, "tick", tick)
    start_next()
    assert done == ["tick"]
    assert "were not started" in caplog.text


def test_what_is_due_soon_is_waited_for_with_no_zombie_meanwhile_and_signals_end_that(done):
    await_next_attempt()
    assert done == ["collect", "stand by", "tick"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(LOOK_NOW) is signal.SIG_DFL


def test_what_takes_its_time_is_done_last_and_a_signal_ends_it(done):
    do_the_rest()
    assert done == ["mail", "purge"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_monitor_that_was_told_to_end_starts_nothing_and_does_not_stay(done, number):
    os.kill(os.getpid(), number)
    start_next()
    await_next_attempt()
    do_the_rest()
    assert done == []


def test_a_monitor_that_was_only_told_to_look_goes_on(done):
    os.kill(os.getpid(), LOOK_NOW)
    start_next()
    assert done == ["tick"]


def test_a_stay_that_fails_is_logged(done, monkeypatch, caplog):
    def stand_by():
        raise OperationalError("the database is away")

    monkeypatch.setattr(succession, "stand_by", stand_by)
    monkeypatch.setattr(succession, "PATIENCE", 0.05)
    monkeypatch.setattr(succession, "PAUSE", 0.01)
    await_next_attempt()
    assert "not waited for" in caplog.text
