"""`manage.py tasks list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from brokerless.management.subcommands.base import Subcommand, counted
from brokerless.management.subcommands.finding import find_user
from brokerless.management.subcommands.quantities import moment_ago, whole_number_from_1
from brokerless.management.subcommands.tables import printable, status_colours, table_lines, terminal_width
from brokerless.management.subcommands.task_json import add_json_option, tasks_text
from brokerless.management.subcommands.wording import moment_words, name_of, note, running_time, status_words
from brokerless.models import TaskState
from brokerless.representation import given
from brokerless.templatetags.brokerless import duration

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from brokerless.models import TaskStateQuerySet

Status = TaskState.Status
USUAL_LIMIT = 25  # tasks
SHORT_ID = 8  # characters of an id, on a terminal
HEADINGS = ("ID", "STATUS", "LAUNCHED", "TOOK", "OWNER", "TASK", "NOTE")
# Of a row with all its errors and results these are what a line says.
COLUMNS = (
    *("command", "arguments", "options", "title", "status", "run_after", "cancel_requested_at"),
    *("created_at", "started_at", "finished_at", "error_type", "error_title"),
    *("progress_current", "progress_total", "progress_unit", "progress_message", "progress_rate"),
)


class List(Subcommand):
    """The tasks, newest first."""

    name = "list"
    help = "List tasks, the newest first."

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--status",
            nargs="+",
            action="extend",
            type=str.upper,
            choices=Status.values,
            metavar="STATUS",
            help=f"Only those of these statuses: {', '.join(Status.values)}.",
        )
        which.add_argument(
            "--unfinished", action="store_true", help="Only those that wait, start or run: what is going on."
        )
        which.add_argument("--active", action="store_true", help="Only those that have a process, or soon will.")
        parser.add_argument("--command", metavar="COMMAND", help="Only those of this command.")
        parser.add_argument("--queue", metavar="QUEUE", help="Only those of this queue.")
        parser.add_argument("--owner", metavar="USERNAME", help="Only those of this user.")
        parser.add_argument("--host", metavar="HOST", help="Only those that run, or last ran, on this host.")
        parser.add_argument(
            "--since",
            type=moment_ago,
            metavar="WHEN",
            help="Only those launched since then: 90s, 30m, 2h, 3d ago, or a date, also with a time: "
            "2027-01-31T18:30.",
        )
        parser.add_argument(
            "--limit",
            type=whole_number_from_1,
            default=USUAL_LIMIT,
            metavar="N",
            help="How many at most (default: %(default)s).",
        )
        add_json_option(parser, "a list of the tasks")

    def run(self, *, limit: int, as_json: bool, **options: Any) -> None:
        tasks = _chosen(**options)
        # One more than is shown tells whether there are more; to count them all would mean to read them all.
        found = list((tasks.defer("context") if as_json else _lean(tasks))[: limit + 1])
        shown = found[:limit]
        if as_json:
            self.stdout.write(tasks_text(shown))
        elif shown:
            self._print_table(shown, **options)
        if not found:
            self.mention("No task is like that." if _is_narrowed(**options) else "There is no task yet.")
        elif len(found) > limit:
            self.mention(f"There are more than {counted(limit)}; --limit {4 * limit} shows more of them.")

    def _print_table(self, tasks: list[TaskState], *, no_color: bool, force_color: bool, **_: Any) -> None:
        width = terminal_width(self.stdout)
        cells = [_cells(task, is_short=width is not None) for task in tasks]
        rows = [HEADINGS, *cells] if width is None else _without_empty_columns([HEADINGS, *cells])
        heading, *lines = table_lines(rows, width=width)
        coloured = status_colours(self.stdout, no_color=no_color, force_color=force_color)
        self.stdout.write(heading)
        for task, line in zip(tasks, lines, strict=True):
            # Before it stands an id alone, which has no capital letters.
            words = status_words(task)
            self.stdout.write(line.replace(words, coloured(words, task.status), 1))


def _chosen(
    *,
    status: list[str] | None,
    unfinished: bool,
    active: bool,
    owner: str | None,
    host: str | None,
    since: Any,
    **options: Any,
) -> TaskStateQuerySet:
    """Return the tasks that the options choose, the newest first."""
    tasks = TaskState.objects.select_related("owner").order_by("-created_at", "pk")
    statuses = status or (TaskState.UNFINISHED if unfinished else TaskState.ACTIVE if active else None)
    if statuses:
        tasks = tasks.filter(status__in=statuses)
    if owner is not None:
        tasks = tasks.filter(owner=find_user(owner))
    if host is not None:
        # A row names the boot and the namespace behind the host's name, too.
        tasks = tasks.filter(Q(host=host) | Q(host__startswith=f"{host}/"))
    if since is not None:
        tasks = tasks.filter(created_at__gte=since)
    return tasks.filter(**{name: options[name] for name in ("command", "queue") if options[name] is not None})


def _is_narrowed(**options: Any) -> bool:
    names = ("status", "unfinished", "active", "command", "queue", "owner", "host", "since")
    return any(options[name] for name in names)


def _lean(tasks: TaskStateQuerySet) -> TaskStateQuerySet:
    return tasks.only(*COLUMNS, f"owner__{get_user_model().USERNAME_FIELD}")


def _cells(task: TaskState, *, is_short: bool) -> Sequence[str]:
    return [
        str(task.pk)[: SHORT_ID if is_short else None],
        status_words(task),
        moment_words(task.created_at, is_short=is_short),
        duration(running_time(task)),
        printable(task.owner.get_username()) if task.owner else "",
        printable(f"{name_of(task)} {given(task)}"),
        note(task),
    ]


def _without_empty_columns(rows: list[Sequence[str]]) -> list[Sequence[str]]:
    """Leave out the columns that have a heading alone: a terminal's room is for the others."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    return list(zip(*columns, strict=True))
