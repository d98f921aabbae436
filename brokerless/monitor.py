"""The monitor: owns the row while the task runs, and never runs a line of the command."""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import Error, connections
from django.db.backends.signals import connection_created
from django.utils import timezone

from brokerless import linux, outcome, transitions
from brokerless.conf import settings
from brokerless.finish import finish
from brokerless.heartbeat import Heartbeat
from brokerless.housekeeping import Housekeeping
from brokerless.log import LogWriter
from brokerless.models import TaskState
from brokerless.patience import bound_connection, bounded_statements
from brokerless.processes import host_name, identify, signal_descendants
from brokerless.progress import Meter
from brokerless.runtime_dir import TaskFiles
from brokerless.supervision import HEEDED_SIGNALS, Supervision, hold_signals
from brokerless.tick import tick

if TYPE_CHECKING:
    from uuid import UUID

    from brokerless.channel import Channel, Link
    from brokerless.outcome import Outcome

logger = logging.getLogger("brokerless")

EXIT_DONE = 0
EXIT_NOT_ADOPTED = 75  # EX_TEMPFAIL of sysexits.h: the task is somebody else's, or was cancelled
HOUSEKEEPING_PATIENCE = 10.0  # seconds in which the round after a task is tried again
HOUSEKEEPING_PAUSE = 0.5
# How long a monitor stays after a failed attempt to see the next one begin; later ones need a tick, or a poll.
LONGEST_STAY = 60.0  # seconds
ADOPTION_PAUSE = 0.2  # seconds between two tries while the database is locked or away


def run(task_id: UUID, lease: int, *, name: str, command_pid: int, link: Link) -> int:
    """Adopt the task, watch its command to the end, write how it ended, start the next; return the exit code."""
    hold_signals()
    connection_created.connect(bound_connection)
    linux.become_subreaper()
    channel = link.keep_monitor_end()
    task = _adopt(task_id, lease, name, command_pid)
    if task is None:
        channel.close()  # tells the command process to end
        os.waitpid(command_pid, 0)
        _start_next()
        return EXIT_NOT_ADOPTED
    housekeeping = Housekeeping()
    housekeeping.start()
    try:
        ended = _watch(task, channel, command_pid, link, housekeeping)
    except Exception as error:
        logger.exception("task=%s could not be watched; its command is ended", task.pk)
        signal_descendants(signal.SIGKILL, reference=f"{task_id}:{lease}")
        ended = Ended(outcome.not_watched(error))
    written = None
    if ended.outcome is not None:
        written = finish(task, ended.outcome, measured=ended.measured)
    else:
        TaskFiles(task_id, lease).remove_temporary()  # the command was killed, and cleaned nothing up
    housekeeping.stop()
    if not ended.is_shut_down:
        _start_next()
        if written == TaskState.Status.READY:
            _stay_for_the_next_attempt(task_id)
    return EXIT_DONE


@dataclass(frozen=True)
class Ended:
    """How the watching ended.

    outcome: none if the lease was lost. is_shut_down: the service or the machine ends, so that nothing more is
    to be started here.
    """

    outcome: Outcome | None
    measured: dict[str, Any] = field(default_factory=dict)
    is_shut_down: bool = False


def _adopt(task_id: UUID, lease: int, name: str, command_pid: int) -> TaskState | None:
    """STARTING → RUNNING, as long as that may take; None when the task is not this process's."""
    monitor, command = identify(os.getpid()), identify(command_pid)
    deadline = time.monotonic() + settings.START_TIMEOUT
    while True:
        try:
            with bounded_statements():
                adopted = transitions.adopt(
                    task_id, lease, name=name, host=host_name(), monitor=monitor, command=command
                )
            return TaskState.objects.filter(pk=task_id).first() if adopted else None
        except Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(ADOPTION_PAUSE)
        finally:
            # While the command runs the heartbeat alone needs a connection, and it has its own.
            connections.close_all()


def _watch(task: TaskState, channel: Channel, command_pid: int, link: Link, housekeeping: Housekeeping) -> Ended:
    """Let the command run, and return how it ended."""
    files = TaskFiles(task.pk, task.lease)
    log = LogWriter(files.open_log(), limit=settings.LOG_LIMIT)
    meter = Meter(link.numbers())
    supervision = Supervision(
        f"{task.pk}:{task.lease}",
        command_pid,
        channel=channel,
        output_fd=link.output_read_fd,
        log=log,
        meter=meter,
        housekeeping=housekeeping,
        files=files,
    )
    supervision.listen_to_signals()
    heartbeat = Heartbeat(task.pk, task.lease, measure=meter.read, on_news=supervision.wake)
    heartbeat.start()
    with suppress(OSError):  # killed already: there is an end to be collected and named
        channel.send(_order(task))
    supervision.watch(heartbeat, grace=settings.CANCEL_GRACE)
    heartbeat.stop()
    log.close()
    if not heartbeat.latest.owned:
        logger.error("task=%s is no longer this monitor's; its command was ended, nothing is written", task.pk)
        return Ended(None, is_shut_down=supervision.is_shut_down)
    stop = supervision.stop.outcome if supervision.stop else None
    if stop is None and heartbeat.latest.cancel_requested:
        stop = outcome.cancelled()
    tail = files.log_tail()
    found = outcome.of_command(supervision.wait_status, supervision.reported, stop=stop, log_tail=tail)
    return Ended(found, meter.read(), supervision.is_shut_down)


def _order(task: TaskState) -> dict[str, Any]:
    """Return what the command process needs to know of the row."""
    return {
        "task_id": str(task.pk),
        "lease": task.lease,
        "command": task.command,
        "arguments": task.arguments,
        "options": task.options,
        "context": task.context,
        "owner_id": None if task.owner_id is None else str(task.owner_id),
    }


def _stay_for_the_next_attempt(task_id: UUID) -> None:
    """Wait until the task may be claimed again, unless that is long; it would need a tick otherwise."""
    for number in HEEDED_SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # nothing is owned any more, nothing is to be written
    waiting = TaskState.objects.filter(pk=task_id, status=TaskState.Status.READY)
    try:
        run_after = waiting.values_list("run_after", flat=True).first()
    except Error:
        return
    finally:
        connections.close_all()
    pause = (run_after - timezone.now()).total_seconds() if run_after else 0.0
    if 0 < pause <= LONGEST_STAY:
        time.sleep(pause)
        _start_next()


def _start_next() -> None:
    """Do a round of housekeeping: the place of this task is free now."""
    deadline = time.monotonic() + HOUSEKEEPING_PATIENCE
    while True:
        try:
            tick()
            return
        except Exception as error:
            # Locked, or away for a moment: nobody else may come by soon.
            if not isinstance(error, Error) or time.monotonic() > deadline:
                logger.exception("The next tasks were not started; they wait for the next poll, launch or tick.")
                return
            time.sleep(HOUSEKEEPING_PAUSE)
        finally:
            connections.close_all()
