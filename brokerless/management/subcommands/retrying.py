"""`manage.py tasks retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.finding import ID_HELP, for_each_task
from brokerless.management.subcommands.task_json import add_json_option, tasks_text
from brokerless.management.subcommands.wording import name_of

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from brokerless.models import TaskState


class Retry(Subcommand):
    """Do again what finished tasks did."""

    name = "retry"
    help = (
        "Launch for each of these finished tasks a new one of the same owner, with the same command, arguments, "
        "options and limits, and print its id. Exits with 1 if one could not be retried."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("tasks", nargs="+", metavar="ID", help=ID_HELP)
        add_json_option(parser, "a list of the new tasks")

    def run(self, *, tasks: list[str], as_json: bool, **_: Any) -> None:
        self._launched: list[TaskState] = []
        errors = for_each_task(tasks, self._retry)
        if as_json:
            for task in self._launched:
                task.refresh_from_db()  # by now it may have been started
            self.stdout.write(tasks_text(self._launched))
        else:
            for task in self._launched:
                self.mention(f"{name_of(task)} {task.pk} retries {task.retry_of_id}.")
                self.say(str(task.pk))
        if errors:
            raise CommandError("\n".join(errors))

    def _retry(self, task: TaskState) -> None:
        self._launched.append(task.retry())
