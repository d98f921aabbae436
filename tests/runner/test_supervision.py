"""Watching one command process, taken by itself: a fork of the test is the command."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from brokerless import outcome, supervision
from brokerless.cancel import LOOK_NOW
from brokerless.channel import Link
from brokerless.housekeeping import Housekeeping
from brokerless.log import LogWriter
from brokerless.progress import Meter
from brokerless.spawn import spawn
from brokerless.supervision import Stop, Supervision, hold_signals
from brokerless.transitions import Beat

pytestmark = pytest.mark.system

SLEEP = "import time; time.sleep(600)"


class FakeHeartbeat:
    """Learns nothing by itself."""

    def __init__(self):
        self.latest = Beat(owned=True, cancel_requested=False)
        self.renewals_done = 0
        self.looks = 0

    def look_now(self):
        self.looks += 1

    def renew(self):
        self.renewals_done += 1


@pytest.fixture
def start(tmp_path):
    """Start Python code as a command process that is watched; signals and children are as before afterwards."""
    numbers = (*supervision.SHUTDOWN_SIGNALS, signal.SIGCHLD, LOOK_NOW)
    kept = {number: signal.getsignal(number) for number in numbers}
    links, watched = [], []

    def run(code, *, limit=1000):
        link = Link.create()
        links.append(link)
        child = spawn(
            [sys.executable, "-c", code],
            directory="/",
            environment=os.environ,
            output=link.output_write_fd,
            inherit=[link.command_socket.fileno()],
        )
        child.returncode = 0  # the supervision collects it
        channel = link.keep_monitor_end()
        log = LogWriter(os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT, 0o600), limit=limit)
        made = Supervision(
            "task:1",
            child.pid,
            channel=channel,
            output_fd=link.output_read_fd,
            log=log,
            meter=Meter(link.numbers()),
            housekeeping=Housekeeping(),
        )
        made.listen_to_signals()
        watched.append(made)
        return made

    yield run
    signal.set_wakeup_fd(-1)
    for number, handler in kept.items():
        signal.signal(number, handler)
    for made, link in zip(watched, links, strict=True):
        made._selector.close()
        made._log.close()
        link.monitor_socket.close()
        for descriptor in (made._wake_read, made._wake_write, link.output_read_fd, link.numbers_fd):
            os.close(descriptor)


def test_the_end_is_collected_with_all_output(start, tmp_path):
    watched = start("import os; os.write(1, b'x' * 100_000); raise SystemExit(3)", limit=200_000)
    watched.watch(FakeHeartbeat(), grace=1)
    assert os.waitstatus_to_exitcode(watched.wait_status) == 3
    assert (tmp_path / "log").stat().st_size == 100_000


def test_a_full_wake_up_pipe_holds_nobody_up(start):
    watched = start(SLEEP)
    for _ in range(70_000):  # more than a pipe holds
        watched.wake()
    heartbeat = FakeHeartbeat()
    heartbeat.latest = Beat(owned=True, cancel_requested=True)
    watched.watch(heartbeat, grace=0.2)
    assert watched.stop.outcome == outcome.cancelled()


def test_signals_that_were_held_arrive_once_somebody_listens(start):
    watched = start(SLEEP)
    signal.set_wakeup_fd(-1)
    for number in (LOOK_NOW, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # would end this very process
    hold_signals()
    os.kill(os.getpid(), LOOK_NOW)
    os.kill(os.getpid(), signal.SIGTERM)
    heartbeat = FakeHeartbeat()
    watched.listen_to_signals()
    watched.watch(heartbeat, grace=0.2)
    assert heartbeat.looks == 1
    assert watched.stop.outcome == outcome.shut_down(signal.SIGTERM)


def test_being_woken_only_makes_the_heartbeat_look(start):
    watched = start("raise SystemExit(0)")
    heartbeat = FakeHeartbeat()
    os.kill(os.getpid(), LOOK_NOW)
    watched.watch(heartbeat, grace=1)
    assert heartbeat.looks == 1
    assert watched.stop is None


def test_a_lost_lease_kills_without_grace(start):
    watched = start("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")
    heartbeat = FakeHeartbeat()
    heartbeat.latest = Beat(owned=False, cancel_requested=True)
    watched.wake()
    watched.watch(heartbeat, grace=600)
    assert os.waitstatus_to_exitcode(watched.wait_status) == -9
    assert watched.stop.outcome is None


def test_a_descendant_that_cannot_be_killed_does_not_hold_the_end_up_for_ever(start, monkeypatch, caplog):
    """As one stuck in the kernel, or another user's."""
    monkeypatch.setattr(supervision, "KILLING_TIME", 0.05)
    monkeypatch.setattr(supervision, "signal_descendants", lambda *_, **__: 1)
    watched = start("raise SystemExit(0)")
    other = spawn([sys.executable, "-c", SLEEP], directory="/", environment=os.environ, output=2)
    try:
        watched.watch(FakeHeartbeat(), grace=1)
    finally:
        other.kill()
        other.wait()
    assert "still there" in caplog.text


class Signals:
    """What would have been sent, and when."""

    def __init__(self, monkeypatch):
        self.sent = []
        monkeypatch.setattr(supervision, "signal_descendants", lambda number, **_: self.sent.append(number))


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


def test_no_thread_is_started_by_watching(start):
    before = set(threading.enumerate())
    start("raise SystemExit(0)").watch(FakeHeartbeat(), grace=1)
    assert set(threading.enumerate()) <= before
