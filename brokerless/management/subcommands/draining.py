"""`manage.py tasks drain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from brokerless.exit_codes import EXIT_INTERRUPTED, EXIT_TIME_UP
from brokerless.management.subcommands.base import Subcommand, counted
from brokerless.management.subcommands.pausing import paused_place, resume_words
from brokerless.management.subcommands.quantities import seconds
from brokerless.models import TaskState
from brokerless.pausing import Drained, drain

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from uuid import UUID


class Drain(Subcommand):
    """Pause and wait until nothing runs."""

    name = "drain"
    help = (
        "Pause this host, wait until none of its tasks runs any more, and say how they ended. The host stays "
        f"paused until `tasks resume`. Exits with {EXIT_TIME_UP} when the time was up before."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--timeout",
            type=seconds,
            metavar="SECONDS",
            help="How long to wait at most; 0 only looks. By default as long as the tasks take.",
        )
        parser.add_argument(
            "--everywhere", action="store_true", help="Pause and drain all hosts that share the database."
        )

    def run(self, *, timeout: float | None, everywhere: bool, **_: Any) -> None:
        self._mentioned: set[UUID] = set()
        stays = f"{paused_place(everywhere=everywhere)} To go on: {resume_words(everywhere=everywhere)}"
        try:
            drained = drain(timeout=timeout, everywhere=everywhere, on_progress=self._report)
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted. {stays}", returncode=EXIT_INTERRUPTED) from None
        ended = f"{counted(len(drained.ended))} ended"
        if not drained.is_empty:
            self._list_active(drained)
            raise CommandError(
                f"The time is up after {timeout:g} s: {ended}, {len(drained.active)} still running. {stays}",
                returncode=EXIT_TIME_UP,
            )
        self.say(f"Drained: {ended}, none is running. {stays}")

    def _report(self, drained: Drained) -> None:
        """Name what has ended since the last time, and how many are waited for."""
        for task in drained.ended:
            if task.pk not in self._mentioned:
                self._mentioned.add(task.pk)
                self.mention(f"{task.command} {task.pk}: {how_it_ended(task)}")
        if drained.active:
            self.mention(f"Waiting for {counted(len(drained.active))} …")

    def _list_active(self, drained: Drained) -> None:
        for task in drained.active:
            self.stdout.write(
                f"{task.command} {task.pk}: still {task.status} (monitor {task.monitor_pid or 'none'})"
            )


def how_it_ended(task: TaskState) -> str:
    """Return a task's status with what went wrong."""
    if task.status == TaskState.Status.READY:
        return "READY, waits to be started again"
    return f"{task.status}: {task.error_title}" if task.error_title else task.status
