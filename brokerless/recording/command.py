"""The command process of a recorded run: the command finds what it would find without a record."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from brokerless import linux
from brokerless.channel import CommandEnd
from brokerless.command_process import become_task, flush_output
from brokerless.exceptions import TaskCancelled
from brokerless.exit_codes import EXIT_ERROR
from brokerless.recording.terminal import CopiedStream
from brokerless.reporting import run_and_report

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand

    from brokerless.channel import Link
    from brokerless.recording.typed import Typed


def run_by_hand(command: BaseCommand, typed: Typed, link: Link, *, monitor_pid: int) -> NoReturn:
    """Wait until the monitor owns the row, run the command as Django does, report its end, and exit."""
    linux.die_with_parent(monitor_pid)
    channel, output = link.keep_command_end_beside_output()
    order = channel.receive()
    if order is None:
        os._exit(EXIT_ERROR)  # not adopted: nothing has been done that would want cleaning up
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, CopiedStream):
            stream.copy_to(output)
    end = CommandEnd(channel, link.numbers())
    task = become_task(order, end)
    run = RunByHand(command, typed.argv)
    code = run_and_report(task, end, execute=run.execute, show=run.show)
    flush_output()
    if run.is_interrupted:
        # As Python ends of a KeyboardInterrupt that nobody has caught.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    sys.exit(code)


class RunByHand:
    """Runs a command as `manage.py` does, and keeps what it raised, of which Django makes an exit."""

    def __init__(self, command: BaseCommand, argv: list[str]) -> None:
        self._command = command
        self._argv = argv
        self._error: BaseException | None = None
        self._is_shown = False

    def execute(self) -> None:
        """Run the command. Raises what it raised."""
        execute = self._command.execute

        def noting_its_error(*arguments: Any, **options: Any) -> Any:
            try:
                return execute(*arguments, **options)
            except BaseException as error:
                self._error = error
                raise

        self._command.execute = noting_its_error
        try:
            self._command.run_from_argv(self._argv)
        except SystemExit as leaving:
            if self._error is not None and not isinstance(self._error, SystemExit):
                self._is_shown = True  # by Django, before it left
                raise self._error from None
            if leaving.code not in (None, 0):
                raise

    def show(self, error: BaseException) -> None:
        """Print what Python prints of an error that nobody has caught."""
        self._error = error
        if isinstance(error, SystemExit):
            if not isinstance(error.code, int):
                print(error, file=sys.stderr)
        elif not self._is_shown and not isinstance(error, TaskCancelled):
            traceback.print_exception(error)

    @property
    def is_interrupted(self) -> bool:
        return isinstance(self._error, KeyboardInterrupt) and not isinstance(self._error, TaskCancelled)
