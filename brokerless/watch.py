"""One attempt from its order to its end: what the monitor does between adopting the row and finishing it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from brokerless import out_of_memory, outcome
from brokerless.conf import settings
from brokerless.exit_codes import EXIT_INTERRUPTED, EXIT_LOST
from brokerless.heartbeat import Heartbeat
from brokerless.limits import Limits
from brokerless.log import LogWriter
from brokerless.notices import SaidNotices
from brokerless.progress import Meter
from brokerless.runtime_dir import TaskFiles
from brokerless.supervision import Supervision
from brokerless.usage import Usage

if TYPE_CHECKING:
    from brokerless.channel import Channel, Link
    from brokerless.housekeeping import Housekeeping
    from brokerless.models import TaskState
    from brokerless.outcome import Outcome

logger = logging.getLogger("brokerless")


@dataclass(frozen=True)
class Ended:
    """How the watching ended.

    outcome: none if the lease was lost. measured: fields of the row. is_shut_down: the service or the machine
    ends, so that nothing more is to be started here. wait_status: of the command, as wait(2) has it.
    """

    outcome: Outcome | None
    measured: dict[str, Any] = field(default_factory=dict)
    is_shut_down: bool = False
    wait_status: int | None = None

    @property
    def exit_code(self) -> int:
        """The command's exit code; negative for the signal that ended it, as `subprocess` has it."""
        return EXIT_LOST if self.wait_status is None else os.waitstatus_to_exitcode(self.wait_status)


class Watch:
    """Lets the command of an adopted task run, and names how it ended."""

    def __init__(
        self, task: TaskState, channel: Channel, command_pid: int, link: Link, housekeeping: Housekeeping
    ) -> None:
        self._task = task
        self._channel = channel
        self._files = TaskFiles(task.pk, task.lease)
        self._log = LogWriter(self._files.open_log(), self._files.log, limit=settings.LOG_LIMIT)
        self._meter = Meter(link.numbers())
        self._notices = SaidNotices(task)
        self._usage = Usage(command_pid, reference=task.reference, memory_limit=task.memory_limit)
        self._supervision = Supervision(
            task.reference,
            command_pid,
            channel=channel,
            output_fd=link.output_read_fd,
            log=self._log,
            meter=self._meter,
            notices=self._notices,
            housekeeping=housekeeping,
            files=self._files,
            usage=self._usage,
            limits=Limits(task.timeout, task.memory_limit, grace=settings.CANCEL_GRACE),
            by_hand=task.by_hand,
        )

    def run(self) -> Ended:
        """Give the command its order, and return when it has ended and nothing of it is left."""
        supervision = self._supervision
        supervision.listen_to_signals()
        heartbeat = Heartbeat(
            self._task.pk,
            self._task.lease,
            measure=self._measure,
            on_news=supervision.wake,
            on_stored=self._notices.stored,
        )
        heartbeat.start()
        # In a thread: a long order waits until the command reads it, which is no reason to watch nothing.
        threading.Thread(target=self._send_order, name="order", daemon=True).start()
        kills = out_of_memory.kills()
        supervision.watch(heartbeat)
        supervision.stop_listening()
        heartbeat.stop()
        self._log.close()
        if not heartbeat.latest.owned:
            logger.error(
                "task=%s is somebody else's by now; its command was ended, nothing is written", self._task.pk
            )
            return Ended(None, is_shut_down=supervision.is_shut_down, wait_status=supervision.wait_status)
        return Ended(
            self._end(heartbeat, kills), self._measure(), supervision.is_shut_down, supervision.wait_status
        )

    @property
    def _is_interrupted(self) -> bool:
        """Whether a run by hand has ended of Ctrl-C, which is to it what a request to cancel is to others."""
        supervision = self._supervision
        ended = {-signal.SIGINT, EXIT_INTERRUPTED}
        return supervision.is_interrupted and os.waitstatus_to_exitcode(supervision.wait_status) in ended

    def _send_order(self) -> None:
        with suppress(OSError):  # killed already: there is an end to be collected and named
            self._channel.send(order_of(self._task))

    def _measure(self) -> dict[str, Any]:
        return self._meter.read() | self._usage.read() | self._notices.read()

    def _end(self, heartbeat: Heartbeat, kills: int | None) -> Outcome:
        supervision = self._supervision
        stop = supervision.stop.outcome if supervision.stop else None
        if self._is_interrupted or (stop is None and heartbeat.latest.cancel_requested):
            stop = outcome.cancelled()
        found = outcome.of_command(
            supervision.wait_status,
            supervision.reported,
            stop=stop,
            log_tail=self._files.log_tail(),
            ran_out_of_memory=out_of_memory.has_killed_since(kills),
        )
        # Two attempts at once are worse than none.
        return found if supervision.is_all_gone else replace(found, is_final=True)


def order_of(task: TaskState) -> dict[str, Any]:
    """Return what the command process needs to know of the row."""
    return {
        "task_id": str(task.pk),
        "lease": task.lease,
        "command": task.command,
        "arguments": task.arguments,
        "options": task.options,
        "context": task.context,
        "nice": task.nice,
        "by_hand": task.by_hand,
        "owner_id": None if task.owner_id is None else str(task.owner_id),
    }
