"""The command process: runs the command, says how it ended, and nothing else."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from django.core.management import CommandError
from django.db import connections

from brokerless import linux
from brokerless.arguments import as_json, load_command, parse
from brokerless.channel import CommandEnd
from brokerless.context import as_context, restored
from brokerless.current import INSIDE_VARIABLE, CurrentTask, set_current_task
from brokerless.exceptions import InvalidArguments, TaskCancelled, UnknownCommand
from brokerless.final_error import FinalError
from brokerless.niceness import be_nice
from brokerless.progress import Reporter
from brokerless.runtime_dir import TaskFiles

if TYPE_CHECKING:
    from brokerless.channel import Channel

EXIT_ERROR = 1  # as Django's commands exit after an error
EXIT_CANCELLED = 128 + signal.SIGTERM  # as a shell reports a program that SIGTERM ended
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
    task = _current_task(order, end)
    set_current_task(task)
    os.environ[INSIDE_VARIABLE] = f"{task.id}:{task.lease}"
    signal.signal(signal.SIGTERM, _raise_cancelled)
    code = _run_and_report(order, task, end)
    with suppress(Exception):  # the end is reported; a connection that cannot be closed well changes it not
        connections.close_all()
    _flush_output()
    sys.exit(code)


def _prepare_output() -> None:
    """Write UTF-8 whatever the locale says, and line by line: the log is read while it is written."""
    # Made anew: those of the start were made for a file, which can do what a pipe cannot.
    sys.stdout, sys.stderr = (
        open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        for number in (1, 2)
    )


def _flush_output() -> None:
    """Write what is still buffered, or drop it where the command has closed its output.

    Python would make exit code 120 of that.
    """
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        except ValueError:  # the stream itself is closed
            continue


def _current_task(order: dict[str, Any], end: CommandEnd) -> CurrentTask:
    task_id = UUID(order["task_id"])
    return CurrentTask(
        task_id,
        order["lease"],
        owner_id=order["owner_id"],
        context=as_context(order["context"]),
        progress=Reporter(end),
        end=end,
        files=TaskFiles(task_id, order["lease"]),
    )


def _raise_cancelled(_number: int, _frame: object) -> NoReturn:
    raise TaskCancelled


def _run_and_report(order: dict[str, Any], task: CurrentTask, end: CommandEnd) -> int:
    """Run the command and tell the monitor how it ended; return the exit code that says the same."""
    own_pid = os.getpid()
    error: BaseException | None = None
    try:
        with restored(task.context):
            _execute(order)
        result = as_json(task.result, "task's result")
    except BaseException as caught:
        error = caught
    # From here on the end is decided; a signal must not make it a different one.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getpid() != own_pid:  # a fork that the command let run on to here; its end is not the command's
        return 0 if error is None else _exit_code(error)
    if error is None:
        end.tell("outcome", returned=True, result=result)
        return 0
    _print_error(error)
    end.tell("outcome", returned=False, result=_storable_result(task), **_describe(error))
    return _exit_code(error)


def _execute(order: dict[str, Any]) -> None:
    command, arguments, options = parse(order["command"], order["arguments"], order["options"])
    try:
        command.execute(*arguments, **options | SKIPPED_CHECKS)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise


def _storable_result(task: CurrentTask) -> Any:
    """Return what a failed command has made all the same, if it can be stored."""
    try:
        return as_json(task.result, "task's result")
    except InvalidArguments:
        return None


def _describe(error: BaseException) -> dict[str, Any]:
    """Return the error's class, one line, the traceback unless the text is for the user, and its finality."""
    is_plain = isinstance(error, CommandError | InvalidArguments | SystemExit | TaskCancelled)
    detail = "" if is_plain else "".join(traceback.format_exception(error))
    return {
        "type": type(error).__name__,
        "title": _title(error),
        "detail": detail[-20_000:],
        "is_final": isinstance(error, FinalError | InvalidArguments | UnknownCommand),
    }


def _title(error: BaseException) -> str:
    if isinstance(error, TaskCancelled):
        return "The command was stopped by signal 15 (SIGTERM)."
    if isinstance(error, SystemExit):
        return f"The command exited with code {error.code}." if isinstance(error.code, int) else str(error)
    return str(error) or type(error).__name__


def _print_error(error: BaseException) -> None:
    """Leave in the log what the command would have left in a terminal."""
    if isinstance(error, CommandError | InvalidArguments):
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    elif isinstance(error, SystemExit):
        if not isinstance(error.code, int):
            print(error, file=sys.stderr)
    elif not isinstance(error, TaskCancelled):
        traceback.print_exception(error)


def _exit_code(error: BaseException) -> int:
    if isinstance(error, TaskCancelled):
        return EXIT_CANCELLED
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code & 0xFF
    return error.returncode if isinstance(error, CommandError) else EXIT_ERROR
