"""`manage.py tasks log`."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db import Error

from brokerless.attempt_log import attempt_log, latest_attempt
from brokerless.exit_codes import EXIT_INTERRUPTED
from brokerless.log_text import plain
from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.finding import ID_HELP, find_task
from brokerless.management.subcommands.log_output import LogOutput
from brokerless.management.subcommands.quantities import whole_number_from_1
from brokerless.models import TaskState
from brokerless.tick import look_after

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from brokerless.attempt_log import AttemptLog

PAUSE = 0.3  # seconds between two looks


class Log(Subcommand):
    """Print a task's log."""

    name = "log"
    help = (
        "Print what a task has printed, as plain text: of its latest attempt, or of another one. With --follow go "
        "on until the task is finished, also with its further attempts."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("task", metavar="ID", help=ID_HELP)
        parser.add_argument(
            "-f", "--follow", action="store_true", help="Go on with what is printed until the task is finished."
        )
        parser.add_argument(
            "-n",
            "--lines",
            type=line_count,
            metavar="N",
            help="Begin with the last N lines; by default with the first.",
        )
        parser.add_argument(
            "--raw", action="store_true", help="Print it as it was written, with colours and carriage returns."
        )
        parser.add_argument(
            "--attempt", type=whole_number_from_1, metavar="N", help="Of that attempt only, the first being 1."
        )

    def run(self, *, task: str, follow: bool, lines: int | None, raw: bool, attempt: int | None, **_: Any) -> None:
        output = LogOutput(self.stdout, is_raw=raw)
        try:
            found = find_task(task)
            log = _log_here(found, attempt)
            offset = output.print_all(log, last=lines, is_followed=follow)
            if follow:
                self._follow(found, log, offset, output, is_only=attempt is not None)
                output.end_line()
            elif not log.files.has_log:
                self.mention(no_log_words(found, log))
        except KeyboardInterrupt:
            raise SystemExit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            _give_up_stdout()
        except TaskState.DoesNotExist:
            raise CommandError("The task is gone: its row has been deleted.") from None
        except Error as error:
            raise CommandError(f"{error} The task may well go on.") from error
        finally:
            output.close()

    def _follow(self, task: TaskState, log: AttemptLog, offset: int, output: LogOutput, *, is_only: bool) -> None:
        while True:
            # Before the log: what is printed before the task ends is there when it has ended.
            task.refresh_from_db()
            task = look_after(task)
            log = _log_here(task, log.attempt)
            offset = output.print_from(log, offset)
            if log.is_complete and (is_only or (task.is_finished and log.attempt >= latest_attempt(task))):
                return
            if log.is_complete and log.attempt < latest_attempt(task):
                log, offset = _log_here(task, log.attempt + 1), 0
                output.end_line()
                self.mention(f"── attempt {log.attempt} ──")
            else:
                time.sleep(PAUSE)


def line_count(text: str) -> int:
    """Read a whole number from 0 on."""
    return 0 if text == "0" else whole_number_from_1(text)


def no_log_words(task: TaskState, log: AttemptLog) -> str:
    """Say why there is nothing to print."""
    if not log.is_complete:
        return f"There is no log yet: the task is {task.status}."
    return "There is no log: the task never ran here, or its log was removed."


def _log_here(task: TaskState, attempt: int | None) -> AttemptLog:
    log = attempt_log(task, attempt)
    if log is None:
        raise CommandError(f"The task has no attempt {attempt}; its latest is {latest_attempt(task)}.")
    if log.elsewhere:
        raise CommandError(f"The log is not here: it lies on the host {plain(log.elsewhere)}; print it there.")
    return log


def _give_up_stdout() -> None:
    """Let nothing more be written to a pipe whose reader has gone, as Python would when it ends."""
    if sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
