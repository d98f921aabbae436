"""`manage.py tasks wait`, and waiting for a task in other subcommands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db import Error

from brokerless.exceptions import BrokerlessError
from brokerless.exit_codes import (
    EXIT_CANCELLED,
    EXIT_INTERRUPTED,
    EXIT_LOST,
    EXIT_TIME_UP,
    outcome_code,
)
from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.finding import ID_HELP, find_task
from brokerless.management.subcommands.quantities import seconds
from brokerless.management.subcommands.tables import cut, printable, terminal_width
from brokerless.management.subcommands.task_json import add_json_option, as_text, task_json
from brokerless.management.subcommands.wording import name_of, note, outcome_words, status_words
from brokerless.models import TaskState
from brokerless.wait import wait

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import OutputWrapper

OUTCOME_HELP = (
    f"Exits as the task does: with 0, with the command's own code, with 128 and the signal's number, with "
    f"{EXIT_CANCELLED} for a cancelled and with {EXIT_LOST} for a lost task"
)


class Wait(Subcommand):
    """Wait for a task."""

    name = "wait"
    help = f"Wait until a task is finished. {OUTCOME_HELP}; with {EXIT_TIME_UP} when the time was up before."

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("task", metavar="ID", help=ID_HELP)
        parser.add_argument(
            "--timeout",
            type=seconds,
            metavar="SECONDS",
            help="How long to wait at most, also 5m or 2h; 0 only looks. By default as long as the task takes.",
        )
        add_json_option(parser, "the task as it is at the end")

    def run(self, *, task: str, timeout: float | None, as_json: bool, **_: Any) -> None:
        tell_outcome(self, await_end(self, find_task(task), timeout=timeout), as_json=as_json)


def await_end(subcommand: Subcommand, task: TaskState, *, timeout: float | None = None) -> TaskState:
    """Return the task once it is finished; a terminal shows meanwhile how far it is.

    Raises CommandError with the exit code when the time is up, or somebody presses Ctrl-C.
    """
    line = StatusLine(subcommand.stderr, is_shown=subcommand.verbosity > 0)
    try:
        return wait(task, timeout=timeout, on_look=line.show)
    except TimeoutError:
        raise CommandError(
            f"The time is up after {timeout:g} s: {name_of(task)} {task.pk} is still {task.status}.",
            returncode=EXIT_TIME_UP,
        ) from None
    except KeyboardInterrupt:
        raise CommandError(_interrupted_words(task), returncode=EXIT_INTERRUPTED) from None
    except TaskState.DoesNotExist:
        raise CommandError(f"The task {task.pk} is gone: its row has been deleted.") from None
    except (BrokerlessError, Error) as error:
        # In one line: a database's own words are of several.
        raise CommandError(f"The task {task.pk} may well go on, but: {printable(str(error))}") from error
    finally:
        line.clear()


def tell_outcome(subcommand: Subcommand, task: TaskState, *, as_json: bool) -> None:
    """Say how a task ended. Raises CommandError with the task's own exit code unless it was successful."""
    words = f"{name_of(task)} {task.pk}: {outcome_words(task)}"
    if as_json:
        subcommand.stdout.write(as_text(task_json(task)))
    if code := outcome_code(task):
        raise CommandError(words, returncode=code)
    if not as_json:
        subcommand.say(words)


def _interrupted_words(task: TaskState) -> str:
    again = f"to wait again: manage.py tasks wait {task.pk}"
    if task.is_cancelling:
        return f"Interrupted. The task is being stopped all the same; {again}"
    return f"Interrupted. The task goes on; {again}; to stop it: manage.py tasks cancel {task.pk}"


class StatusLine:
    """One line of a terminal that is written anew; nothing where there is no terminal."""

    def __init__(self, stream: OutputWrapper, *, is_shown: bool = True) -> None:
        self._stream = stream
        self._width = terminal_width(stream) if is_shown else None
        self._shown = ""

    def show(self, task: TaskState) -> None:
        """Show how far a task is."""
        words = " ".join((name_of(task), status_words(task), note(task))).strip()
        self._write(words)

    def clear(self) -> None:
        if self._shown:
            self._write("")

    def _write(self, words: str) -> None:
        if self._width is None or words == self._shown:
            return
        self._shown = words
        # Back to the line's start, and nothing of what stood there; one column is left, so that no line is broken.
        self._stream.write(f"\r\033[K{cut(words, self._width - 1)}", style_func=str, ending="")
        self._stream.flush()
