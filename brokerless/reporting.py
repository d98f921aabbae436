"""The end of a command, as its own process tells it: to the monitor, in the log, and by the exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

from django.core.management import CommandError

from brokerless import signals
from brokerless.arguments import as_json
from brokerless.context import restored
from brokerless.ending_words import EXITED, STOPPED, written
from brokerless.exceptions import InvalidArguments, TaskCancelled
from brokerless.exit_codes import EXIT_CANCELLED, EXIT_ERROR
from brokerless.final_error import FINAL_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokerless.channel import CommandEnd
    from brokerless.current import CurrentTask


def print_error(error: BaseException) -> None:
    """Leave in the log what the command would have left in a terminal."""
    if isinstance(error, CommandError | InvalidArguments):
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    elif isinstance(error, SystemExit):
        if not isinstance(error.code, int):
            print(error, file=sys.stderr)
    elif not isinstance(error, TaskCancelled):
        traceback.print_exception(error)


def heed_sigterm_no_more() -> None:
    """Ignore SIGTERM: the end is decided, and must not become a different one."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def run_and_report(
    task: CurrentTask,
    end: CommandEnd,
    *,
    execute: Callable[[], None],
    show: Callable[[BaseException], None] = print_error,
    when_decided: Callable[[], object] = heed_sigterm_no_more,
    is_whole: bool = False,
) -> int:
    """Run the command and tell the monitor how it ended; return the exit code that says the same.

    show: leaves an error where people read it. when_decided: called as soon as it has ended. is_whole: tell every
    error with its traceback.
    """
    own_pid = os.getpid()
    error: BaseException | None = None
    try:
        with restored(task.context):
            signals.tell_started(task)
            execute()
        result = as_json(task.result, "task's result")
    except BaseException as caught:
        error = caught
    when_decided()
    if os.getpid() != own_pid:  # a fork that the command let run on to here; its end is not the command's
        return 0 if error is None else _exit_code(error)
    if error is None:
        end.tell("outcome", returned=True, result=result)
        return 0
    show(error)
    end.tell("outcome", returned=False, result=_storable_result(task), **_describe(error, is_whole=is_whole))
    return _exit_code(error) or EXIT_ERROR


def _storable_result(task: CurrentTask) -> Any:
    """Return what a failed command has made all the same, if it can be stored."""
    try:
        return as_json(task.result, "task's result")
    except InvalidArguments:
        return None


def _describe(error: BaseException, *, is_whole: bool) -> dict[str, Any]:
    """Return the error's class, one line, the traceback unless the text is for the user, and its finality.

    is_whole: with the traceback in any case.
    """
    is_plain = isinstance(error, CommandError | InvalidArguments | SystemExit | TaskCancelled)
    detail = "" if is_plain and not is_whole else "".join(traceback.format_exception(error))
    return {
        "type": type(error).__name__,
        "class": f"{type(error).__module__}.{type(error).__qualname__}",
        "title": _title(error),
        "detail": detail[-20_000:],
        "is_final": isinstance(error, FINAL_ERRORS),
    }


def _title(error: BaseException) -> str:
    if isinstance(error, TaskCancelled):
        return written(STOPPED, signal="signal 15 (SIGTERM)")
    if isinstance(error, SystemExit):
        is_code = error.code is None or isinstance(error.code, int)
        return written(EXITED, code=error.code or 0) if is_code else str(error)
    return str(error) or type(error).__name__


def _exit_code(error: BaseException) -> int:
    if isinstance(error, TaskCancelled):
        return EXIT_CANCELLED
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code & 0xFF
    return error.returncode if isinstance(error, CommandError) else EXIT_ERROR
