"""Watching one command process: its output, its messages, its end, and ending it."""

from __future__ import annotations

import os
import selectors
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brokerless import children, outcome
from brokerless.cancel import LOOK_NOW
from brokerless.processes import signal_descendants

if TYPE_CHECKING:
    from brokerless.channel import Channel
    from brokerless.heartbeat import Heartbeat
    from brokerless.log import LogWriter
    from brokerless.outcome import Outcome
    from brokerless.progress import Meter

READ_SIZE = 65_536
# Between two signals to a command that is to stop: it may be in a place where the first one was of no use.
SIGNAL_INTERVAL = 1.0  # seconds
# The loop's longest sleep; everything that matters wakes it earlier.
LONGEST_PAUSE = 5.0
SHUTDOWN_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NEWS = b"\0"  # written to the wake-up pipe by the heartbeat; signals arrive there as their numbers


@dataclass
class Stop:
    """The command is being ended: with what outcome, and since when."""

    outcome: Outcome | None
    grace: float
    began: float
    next_signal: float = 0.0

    def act(self, now: float) -> None:
        """Signal every descendant once a second: SIGTERM while the grace lasts, then SIGKILL."""
        if now < self.next_signal:
            return
        number = signal.SIGTERM if now - self.began < self.grace else signal.SIGKILL
        signal_descendants(number, spare=children.pids())
        self.next_signal = now + SIGNAL_INTERVAL


class Supervision:
    """Watches the command process until it has ended, in one thread that only ever waits for events."""

    def __init__(self, command_pid: int, channel: Channel, output_fd: int, log: LogWriter, meter: Meter) -> None:
        self.reported: dict[str, Any] | None = None
        self.stop: Stop | None = None
        self.wait_status: int | None = None
        self._command_pid = command_pid
        self._channel = channel
        self._output_fd = output_fd
        self._log = log
        self._meter = meter
        self._renewals_answered = 0
        self._wake_read, self._wake_write = os.pipe()
        self._selector = selectors.DefaultSelector()
        for descriptor in (self._wake_read, self._wake_write, output_fd):
            os.set_blocking(descriptor, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._read_wake_ups)
        self._selector.register(channel.socket, selectors.EVENT_READ, self._read_messages)
        self._selector.register(output_fd, selectors.EVENT_READ, self._read_output)

    def wake(self) -> None:
        """Make the loop look at everything again; called by the heartbeat's thread."""
        os.write(self._wake_write, NEWS)

    def listen_to_signals(self) -> None:
        """Have signals wake the loop; nothing else happens in their handlers."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (*SHUTDOWN_SIGNALS, signal.SIGCHLD, LOOK_NOW):
            signal.signal(number, lambda *_: None)

    def watch(self, heartbeat: Heartbeat, *, grace: float) -> None:
        """Return when the command process has ended and no descendant is left."""
        self._heartbeat = heartbeat
        self._grace = grace
        self._collect()
        while self.wait_status is None:
            self._wait_for_events()
            self._obey()
            self._collect()
        self._end_descendants()
        self._read_messages()
        self._read_output()

    def _wait_for_events(self) -> None:
        pause = LONGEST_PAUSE if self.stop is None else max(0.0, self.stop.next_signal - time.monotonic())
        for key, _ in self._selector.select(pause):
            key.data()

    def _obey(self) -> None:
        """Act on what the heartbeat learnt, and go on with ending the command."""
        latest = self._heartbeat.latest
        if not latest.owned:
            # Somebody else's by now: no clean-up that could have an effect, and nothing is written.
            if self.stop is None or self.stop.outcome is not None:
                self._begin_stop(None, grace=0.0)
        elif latest.cancel_requested and self.stop is None:
            self._begin_stop(outcome.cancelled(), grace=self._grace)
        self._answer_renewals()
        if self.stop is not None:
            self.stop.act(time.monotonic())

    def _begin_stop(self, why: Outcome | None, *, grace: float) -> None:
        self.stop = Stop(why, grace, began=time.monotonic())

    def _answer_renewals(self) -> None:
        while self._renewals_answered < self._heartbeat.renewals_done:
            self._renewals_answered += 1
            self._tell({"renewed": self._heartbeat.latest.owned})

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._channel.send(message)
        except OSError:  # the command has ended
            return

    def _read_wake_ups(self) -> None:
        for number in _read(self._wake_read) or b"":
            if number == LOOK_NOW:
                self._heartbeat.look_now()
            elif number in SHUTDOWN_SIGNALS and self.stop is None:
                self._begin_stop(outcome.shut_down(number), grace=self._grace)

    def _read_messages(self) -> None:
        messages, is_open = self._channel.receive_available()
        for message in messages:
            kind = message["kind"]
            if kind == "outcome":
                self.reported = message
            elif kind == "progress":
                self._meter.describe(unit=message["unit"], message=message["message"])
            elif kind == "renew":
                self._heartbeat.renew()
        if not is_open:
            self._forget(self._channel.socket)

    def _read_output(self) -> None:
        while (chunk := _read(self._output_fd)) is not None:
            if not chunk:
                self._forget(self._output_fd)
                return
            self._log.write(chunk)

    def _forget(self, source: Any) -> None:
        if source in self._selector.get_map():
            self._selector.unregister(source)

    def _collect(self) -> None:
        """Collect the command process if it has ended, and every orphan that ended; none stays a zombie."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._command_pid:
                    self.wait_status = ended[1]
        except ChildProcessError:
            return

    def _end_descendants(self) -> None:
        """Kill what the command left behind, until none is left."""
        while _has_children():
            signal_descendants(signal.SIGKILL, spare=children.pids())
            self._selector.select(0.01)
            self._read_output()
            self._collect()


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _read(descriptor: int) -> bytes | None:
    """Return what can be read now: None when there is nothing yet, no bytes at the end."""
    try:
        return os.read(descriptor, READ_SIZE)
    except BlockingIOError:
        return None
