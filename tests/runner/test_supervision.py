"""Watching one command process, taken by itself: a fork of the test is the command."""

from __future__ import annotations

import os
import signal
import sys
import threading
from uuid import uuid4

import pytest

from brokerless import collection, outcome, supervision
from brokerless.cancel import LOOK_NOW
from brokerless.channel import Link
from brokerless.housekeeping import Housekeeping
from brokerless.limits import Limits
from brokerless.log import LogWriter
from brokerless.models import TaskState
from brokerless.notices import SaidNotices
from brokerless.progress import Meter
from brokerless.runtime_dir import TaskFiles
from brokerless.spawn import spawn
from brokerless.supervision import Supervision, hold_signals, was_told_to_end
from brokerless.transitions import Beat
from brokerless.usage import Usage

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
def start(tmp_path, runtime_dir):
    """Start Python code as a command process that is watched; signals and children are as before afterwards."""
    numbers = (*supervision.SHUTDOWN_SIGNALS, signal.SIGCHLD, LOOK_NOW)
    kept = {number: signal.getsignal(number) for number in numbers}
    links, watched = [], []

    def run(code, *, limit=1000, grace=1.0, timeout=None):
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
        path = tmp_path / "log"
        log = LogWriter(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), path, limit=limit)
        made = Supervision(
            "task:1",
            child.pid,
            channel=channel,
            output_fd=link.output_read_fd,
            log=log,
            meter=Meter(link.numbers()),
            notices=SaidNotices(TaskState()),
            housekeeping=Housekeeping(),
            files=TaskFiles(uuid4(), 1),
            usage=Usage(child.pid, reference="task:1"),
            limits=Limits(timeout, None, grace=grace),
        )
        made.listen_to_signals()
        watched.append(made)
        return made

    yield run
    signal.set_wakeup_fd(-1)
    supervision._held.clear()
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
    watched.watch(FakeHeartbeat())
    assert os.waitstatus_to_exitcode(watched.wait_status) == 3
    assert (tmp_path / "log").stat().st_size == 100_000


def test_a_full_wake_up_pipe_holds_nobody_up(start):
    watched = start(SLEEP, grace=0.2)
    for _ in range(70_000):  # more than a pipe holds
        watched.wake()
    heartbeat = FakeHeartbeat()
    heartbeat.latest = Beat(owned=True, cancel_requested=True)
    watched.watch(heartbeat)
    assert watched.stop.outcome == outcome.cancelled()


def test_signals_that_were_held_arrive_once_somebody_listens(start):
    watched = start(SLEEP, grace=0.2)
    signal.set_wakeup_fd(-1)
    for number in (LOOK_NOW, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # would end this very process
    hold_signals()
    os.kill(os.getpid(), LOOK_NOW)
    os.kill(os.getpid(), signal.SIGTERM)
    heartbeat = FakeHeartbeat()
    watched.listen_to_signals()
    watched.watch(heartbeat)
    assert heartbeat.looks == 1
    assert watched.stop.outcome == outcome.shut_down(signal.SIGTERM)


def test_being_woken_only_makes_the_heartbeat_look(start):
    watched = start("raise SystemExit(0)")
    heartbeat = FakeHeartbeat()
    os.kill(os.getpid(), LOOK_NOW)
    watched.watch(heartbeat)
    assert heartbeat.looks == 1
    assert watched.stop is None


def test_a_lost_lease_kills_without_grace(start):
    watched = start(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)", grace=600
    )
    heartbeat = FakeHeartbeat()
    heartbeat.latest = Beat(owned=False, cancel_requested=True)
    watched.wake()
    watched.watch(heartbeat)
    assert os.waitstatus_to_exitcode(watched.wait_status) == -9
    assert watched.stop.outcome is None


def test_a_descendant_that_cannot_be_killed_does_not_hold_the_end_up_for_ever(start, monkeypatch, caplog):
    """As one stuck in the kernel, or another user's."""
    monkeypatch.setattr(supervision, "KILLING_TIME", 0.05)
    monkeypatch.setattr(collection, "signal_descendants", lambda *_, **__: 1)
    watched = start("raise SystemExit(0)")
    other = spawn([sys.executable, "-c", SLEEP], directory="/", environment=os.environ, output=2)
    try:
        watched.watch(FakeHeartbeat())
    finally:
        other.kill()
        other.wait()
    assert "still there" in caplog.text
    assert not watched.is_all_gone  # so that there is no other attempt beside it


def test_a_signal_that_comes_after_the_end_is_remembered(start):
    watched = start("raise SystemExit(0)")
    watched.watch(FakeHeartbeat())
    os.kill(os.getpid(), signal.SIGTERM)
    watched.stop_listening()
    assert watched.is_shut_down
    assert watched.stop is None  # the command has ended for itself
    assert not was_told_to_end()
    os.kill(os.getpid(), signal.SIGTERM)
    assert was_told_to_end()


def test_being_told_to_look_is_not_being_told_to_end(start):
    watched = start("raise SystemExit(0)")
    watched.watch(FakeHeartbeat())
    watched.stop_listening()
    os.kill(os.getpid(), LOOK_NOW)
    assert not was_told_to_end()


def test_the_time_is_over_when_nothing_else_wakes_the_loop(start):
    watched = start(SLEEP, timeout=0.3)
    watched.watch(FakeHeartbeat())
    assert watched.stop.outcome == outcome.timed_out(0.3)


def test_no_thread_is_started_by_watching(start):
    before = set(threading.enumerate())
    start("raise SystemExit(0)").watch(FakeHeartbeat())
    assert set(threading.enumerate()) <= before
