"""`manage.py tasks cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.finding import ID_HELP, for_each_task
from brokerless.management.subcommands.waiting import await_end
from brokerless.management.subcommands.wording import name_of, outcome_words

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from brokerless.models import TaskState


class Cancel(Subcommand):
    """Ask tasks to stop."""

    name = "cancel"
    help = (
        "Ask tasks to stop, and say for each what came of it: one that waits is cancelled at once, a running one "
        "is told to stop, and killed if it does not. Exits with 1 if none of them could be cancelled any more, "
        "or for an id that is none."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("tasks", nargs="+", metavar="ID", help=ID_HELP)
        parser.add_argument("--wait", action="store_true", help="Wait until they have stopped, and say how.")

    def run(self, *, tasks: list[str], wait: bool, **_: Any) -> None:
        self._asked: list[TaskState] = []
        self._too_late: list[str] = []
        errors = for_each_task(tasks, self._cancel)
        for task in self._asked if wait else ():
            if not task.is_finished:
                self.say(f"{_named(await_end(self, task))}: {outcome_words(task)}")
        if errors or not self._asked:
            raise CommandError("\n".join([*errors, *self._too_late]))
        for sentence in self._too_late:
            self.mention(sentence)

    def _cancel(self, task: TaskState) -> None:
        if not task.cancel():
            self._too_late.append(f"{_named(task)} was finished already: {outcome_words(task)}")
            return
        self._asked.append(task)
        self.say(f"{_named(task)}: {'cancelled at once.' if task.is_finished else 'asked to stop.'}")


def _named(task: TaskState) -> str:
    return f"{name_of(task)} {task.pk}"
