"""Watching one command process: its output, its messages, its end, and ending it."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from brokerless import outcome
from brokerless.cancel import LOOK_NOW
from brokerless.collection import collect_orphans, kill_what_is_left
from brokerless.processes import identify, send
from brokerless.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brokerless.channel import Channel
    from brokerless.heartbeat import Heartbeat
    from brokerless.housekeeping import Housekeeping
    from brokerless.limits import Limits
    from brokerless.log import LogWriter
    from brokerless.notices import SaidNotices
    from brokerless.outcome import Outcome
    from brokerless.progress import Meter
    from brokerless.runtime_dir import TaskFiles
    from brokerless.usage import Usage

logger = logging.getLogger("brokerless")

READ_SIZE = 65_536
# How often one look at the output reads: more than the pipe holds, and no reason to look at nothing else
# when the command never stops printing.
READS_LIMIT = 32
# How long to go on killing what a command left behind: one may be stuck in the kernel, or be another user's.
KILLING_TIME = 30.0
KILLING_PAUSE = 0.01
SHUTDOWN_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
HEEDED_SIGNALS = (*SHUTDOWN_SIGNALS, LOOK_NOW)
_held: list[int] = []
NEWS = b"\0"  # written to the wake-up pipe by the heartbeat; signals arrive there as their numbers


def hold_signals() -> None:
    """Remember what is sent to a monitor until it listens: a request to cancel must not end it.

    By handlers, as a signal mask holds for one thread only and the set-up may have started others.
    """
    for number in heeded(HEEDED_SIGNALS):
        signal.signal(number, lambda arrived, _: _held.append(arrived))


def hold_signals_no_more() -> None:
    """Let what is sent to end a monitor end it: what is left are a site's listeners, which may never return."""
    for number in heeded(SHUTDOWN_SIGNALS):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(LOOK_NOW, signal.SIG_IGN)


def heeded(numbers: Iterable[signal.Signals]) -> list[signal.Signals]:
    """Return those that mean something to this process: `nohup` has had a run by hand ignore one of them."""
    return [each for each in numbers if each == LOOK_NOW or signal.getsignal(each) is not signal.SIG_IGN]


def is_of_the_terminal() -> bool:
    """Tell whether Ctrl-C in a terminal reaches this process, and with it the command of a run by hand."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def was_told_to_end() -> bool:
    """Tell whether one of the signals that are held is to end the monitor."""
    return not set(_held).isdisjoint(SHUTDOWN_SIGNALS)


class Supervision:
    """Watches the command process until it has ended, in one thread that only ever waits for events."""

    def __init__(
        self,
        reference: str,
        command_pid: int,
        *,
        channel: Channel,
        output_fd: int,
        log: LogWriter,
        meter: Meter,
        notices: SaidNotices,
        housekeeping: Housekeeping,
        files: TaskFiles,
        usage: Usage,
        limits: Limits,
        by_hand: bool = False,
    ) -> None:
        self.reported: dict[str, Any] | None = None
        self.stop: Stop | None = None
        self.wait_status: int | None = None
        self.is_shut_down = False
        self.is_interrupted = False
        self.is_all_gone = True
        self._reference = reference
        self._housekeeping = housekeeping
        self._command_pid = command_pid
        self._channel = channel
        self._output_fd = output_fd
        self._log = log
        self._meter = meter
        self._notices = notices
        self._files = files
        self._usage = usage
        self._limits = limits
        self._by_hand = by_hand
        self._renewals: list[int] = []  # as the command numbered them
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
        with suppress(BlockingIOError):  # full: it will be read, and then everything is looked at
            os.write(self._wake_write, NEWS)

    def listen_to_signals(self) -> None:
        """Have signals wake the loop, those that `hold_signals()` remembers too; their handlers do nothing."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in heeded((*SHUTDOWN_SIGNALS, signal.SIGCHLD, LOOK_NOW)):
            signal.signal(number, lambda *_: None)
        while _held:
            os.write(self._wake_write, bytes([_held.pop()]))

    def stop_listening(self) -> None:
        """Have signals remembered again, as `hold_signals()` does; what has arrived until now is heeded."""
        signal.set_wakeup_fd(-1)
        hold_signals()
        self._read_wake_ups()

    def watch(self, heartbeat: Heartbeat) -> None:
        """Return when the command process has ended and no descendant is left."""
        self._heartbeat = heartbeat
        self._collect()
        while self.wait_status is None:
            self._wait_for_events()
            self._collect()
            if self.wait_status is None:  # an end of its own is not one for the reason that comes a moment later
                self._obey()
        self._end_descendants()
        self._read_messages()
        self._read_output()

    def _wait_for_events(self) -> None:
        times = (self._usage.next_look, self._limits.next_change(self.stop), self.stop and self.stop.next_signal)
        pause = min(moment for moment in times if moment is not None) - time.monotonic()
        for key, _ in self._selector.select(max(0.0, pause)):
            key.data()

    def _obey(self) -> None:
        """Act on what the heartbeat learnt and on the limits, and go on with ending the command."""
        if time.monotonic() >= self._usage.next_look:
            self._usage.look()
        latest = self._heartbeat.latest
        if not latest.owned:
            # Somebody else's by now: no clean-up that could have an effect, and nothing is written.
            if self.stop is None or self.stop.outcome is not None:
                self._begin_stop(None, grace=0.0)
        elif latest.cancel_requested and self.stop is None:
            self._begin_stop(outcome.cancelled(), grace=self._limits.grace)
        self._answer_renewals()
        now = time.monotonic()
        self.stop = self._limits.enforce(self.stop, now=now, memory=self._usage.memory)
        if self.stop is not None:
            self.stop.act(now, reference=self._reference)

    def _begin_stop(self, why: Outcome | None, *, grace: float) -> None:
        self.stop = Stop(why, grace, began=time.monotonic())

    def _answer_renewals(self) -> None:
        while self._renewals_answered < self._heartbeat.renewals_done:
            renewal = self._renewals[self._renewals_answered]
            self._renewals_answered += 1
            self._tell({"renewal": renewal, "renewed": self._heartbeat.latest.owned})

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._channel.send(message)
        except OSError:  # the command has ended
            return

    def _read_wake_ups(self) -> None:
        for number in _read(self._wake_read) or b"":
            if number == LOOK_NOW:
                self._heartbeat.look_now()
                self._heed_left_request()
            elif number in SHUTDOWN_SIGNALS:
                self._heed_shutdown(signal.Signals(number))

    def _heed_shutdown(self, number: signal.Signals) -> None:
        if self._by_hand and number == signal.SIGINT:
            # Somebody's Ctrl-C: what becomes of it is the command's affair, which a terminal has told itself.
            self.is_interrupted = True
            if not is_of_the_terminal():
                send(identify(self._command_pid), number)
            return
        self.is_shut_down = True
        self._housekeeping.cease()
        if self.stop is None and self.wait_status is None:
            self._begin_stop(outcome.shut_down(number), grace=self._limits.grace)

    def _heed_left_request(self) -> None:
        """Stop the command if that was asked for by a file, as the row could not be written."""
        if self.stop is None and self._files.read_cancel_request() is not None:
            self._begin_stop(outcome.cancelled(), grace=self._limits.grace)

    def _read_messages(self) -> None:
        messages, is_open = self._channel.receive_available()
        for message in messages:
            kind = message["kind"]
            if kind == "outcome":
                self.reported = message
            elif kind == "progress":
                self._meter.describe(unit=str(message.get("unit")), message=str(message.get("message")))
            elif kind == "notice":
                self._notices.add(str(message.get("text")))
            elif kind == "renew":
                self._renewals.append(message["renewal"])
                self._heartbeat.renew()
            elif kind == "dispatch":
                self._housekeeping.round_soon()
        if not is_open:
            self._forget(self._channel.socket)

    def _read_output(self) -> None:
        for _ in range(READS_LIMIT):
            chunk = _read(self._output_fd)
            if chunk is None:
                return
            if not chunk:
                self._forget(self._output_fd)
                return
            self._log.write(chunk)

    def _forget(self, source: Any) -> None:
        if source in self._selector.get_map():
            self._selector.unregister(source)

    def _collect(self) -> None:
        """Collect the command process if it has ended, and every orphan that ended; none stays a zombie."""
        if self.wait_status is None:
            self.wait_status = self._usage.collect(self._command_pid)
        collect_orphans(self._usage.collect, spared=self._command_pid if self.wait_status is None else None)

    def _end_descendants(self) -> None:
        """Kill what the command left behind, until none is left but what this monitor dispatched."""
        deadline = time.monotonic() + KILLING_TIME
        while kill_what_is_left(self._reference):
            if time.monotonic() > deadline:
                self.is_all_gone = False
                logger.error("Processes of the command are still there after %g s of SIGKILL.", KILLING_TIME)
                return
            self._selector.select(KILLING_PAUSE)
            self._read_output()
            self._collect()
        self._collect()


def _read(descriptor: int) -> bytes | None:
    """Return what can be read now: None when there is nothing yet, no bytes at the end."""
    try:
        return os.read(descriptor, READ_SIZE)
    except BlockingIOError:
        return None
