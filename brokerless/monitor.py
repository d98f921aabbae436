"""The monitor: owns the row while the task runs, and never runs a line of the command."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import TYPE_CHECKING

from django.db import Error, connections
from django.db.backends.signals import connection_created

from brokerless import linux, outcome, release, transitions
from brokerless.conf import settings
from brokerless.exit_codes import EXIT_DONE
from brokerless.failure_mails import end_failure_mails
from brokerless.finish import finish
from brokerless.housekeeping import Housekeeping
from brokerless.models import TaskState
from brokerless.patience import bound_connection, bounded_statements
from brokerless.processes import host_name, identify, send, signal_descendants
from brokerless.runtime_dir import TaskFiles
from brokerless.signals import told_last
from brokerless.succession import await_next_attempt, do_the_rest, leave_the_next_to_others, start_next
from brokerless.supervision import hold_signals, hold_signals_no_more
from brokerless.watch import Ended, Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from brokerless.channel import Link

logger = logging.getLogger("brokerless")

EXIT_NOT_ADOPTED = 75  # EX_TEMPFAIL of sysexits.h: the task is somebody else's, or was cancelled
ADOPTION_PAUSE = 0.2  # seconds between two tries while the database is locked or away


def run(task_id: UUID, lease: int, *, name: str, command_pid: int, link: Link) -> int:
    """Adopt the task, watch its command to the end, write how it ended, start the next; return the exit code.

    Of a run by hand it is the command's, negative for the signal that ended it.
    """
    with told_last(before=hold_signals_no_more):
        exit_code, steps = _run(task_id, lease, name=name, command_pid=command_pid, link=link)
    for step in steps:
        step()
    return exit_code


def _run(
    task_id: UUID, lease: int, *, name: str, command_pid: int, link: Link
) -> tuple[int, list[Callable[[], None]]]:
    """Do all of that, and return the exit code and what is still to be done when all have been told."""
    hold_signals()
    connection_created.connect(bound_connection)
    linux.become_subreaper()
    release.take_note()
    channel = link.keep_monitor_end()
    task = _adopt(task_id, lease, name, command_pid)
    if task is None:
        channel.close()
        send(
            identify(command_pid), signal.SIGKILL
        )  # it may hang in an import, and has done nothing that wants cleaning up
        os.waitpid(command_pid, 0)
        start_next()
        return EXIT_NOT_ADOPTED, [do_the_rest]
    housekeeping = Housekeeping()
    housekeeping.start()
    try:
        ended = Watch(task, channel, command_pid, link, housekeeping).run()
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
    if task.by_hand:
        leave_the_next_to_others(is_news=written == TaskState.Status.FAILED)
        return ended.exit_code, [end_failure_mails]
    if ended.is_shut_down:
        return EXIT_DONE, [end_failure_mails]
    start_next()
    return EXIT_DONE, [await_next_attempt, do_the_rest] if written == TaskState.Status.READY else [do_the_rest]


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
