"""The command process: runs the command, says how it ended, and nothing else."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from django.db import connections

from brokerless import linux
from brokerless.arguments import load_command, parse
from brokerless.channel import CommandEnd
from brokerless.context import as_context
from brokerless.current import INSIDE_VARIABLE, CurrentTask, set_current_task
from brokerless.exceptions import TaskCancelled
from brokerless.exit_codes import EXIT_CANCELLED, EXIT_ERROR
from brokerless.functions.command import CALL_TASK
from brokerless.niceness import be_nice
from brokerless.progress import Reporter
from brokerless.reporting import run_and_report
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from brokerless.channel import Channel

# What Django's own command line understands but a task has no use for: its checks ran at the site's start.
SKIPPED_CHECKS = {"skip_checks": True}


def run(channel: Channel, numbers: memoryview, *, monitor_pid: int, load_early: str = "") -> NoReturn:
    """Wait until the monitor owns the task, run its command, report how it ended, and exit (SystemExit).

    load_early: the command to import while the monitor adopts the row.
    """
    linux.die_with_parent(monitor_pid)
    if os.getpid() != os.getsid(0):
        os.setsid()  # so that a command that signals its own group does not meet its monitor
    with suppress(BaseException):  # met again, and reported, when the command is run
        load_command(load_early)
    order = channel.receive()
    if order is None:
        os._exit(EXIT_ERROR)  # not adopted: nothing has been done that would want cleaning up
    be_nice(order["nice"])
    _prepare_output()
    end = CommandEnd(channel, numbers)
    task = become_task(order, end)
    is_function = order["command"] == CALL_TASK
    code = run_and_report(task, end, execute=lambda: execute(order), is_whole=is_function)
    with suppress(Exception):  # the end is reported; a connection that cannot be closed well changes it not
        connections.close_all()
    flush_output()
    if code == EXIT_CANCELLED and _has_threads():
        # Python would wait for them, which no signal reaches: a coroutine's for the database, for example.
        os._exit(code)
    sys.exit(code)


def _has_threads() -> bool:
    return any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())


def _prepare_output() -> None:
    """Write UTF-8 whatever the locale says, and line by line: the log is read while it is written."""
    # Made anew: those of the start were made for a file, which can do what a pipe cannot.
    sys.stdout, sys.stderr = (
        open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        for number in (1, 2)
    )


def flush_output() -> None:
    """Write what is still buffered, or drop it where the command has closed its output.

    Python would make exit code 120 of that.
    """
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:  # its descriptor was closed from the start
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        except ValueError:  # the stream itself is closed
            continue


def become_task(order: dict[str, Any], end: CommandEnd) -> CurrentTask:
    """Make this process the task of an order, for the command, for what it starts, and for SIGTERM."""
    task = ordered_task(order, end)
    set_current_task(task)
    os.environ[INSIDE_VARIABLE] = f"{task.id}:{task.lease}"
    signal.signal(signal.SIGTERM, _raise_cancelled)
    return task


def ordered_task(order: dict[str, Any], end: CommandEnd) -> CurrentTask:
    """Return what the command of an order may know of its task."""
    task_id = UUID(order["task_id"])
    return CurrentTask(
        task_id,
        order["lease"],
        owner_id=order["owner_id"],
        by_hand=order["by_hand"],
        context=as_context(order["context"]),
        progress=Reporter(end),
        end=end,
        files=TaskFiles(task_id, order["lease"]),
    )


def _raise_cancelled(_number: int, _frame: object) -> NoReturn:
    raise TaskCancelled


def execute(order: dict[str, Any]) -> None:
    """Run the command of an order, as it is recorded."""
    command, arguments, options = parse(order["command"], order["arguments"], order["options"])
    try:
        command.execute(*arguments, **options | SKIPPED_CHECKS)
    except SystemExit as error:
        # To a command it is the way to end early; in a function it is an error like any other.
        if error.code not in (None, 0) or order["command"] == CALL_TASK:
            raise
