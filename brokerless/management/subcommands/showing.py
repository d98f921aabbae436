"""`manage.py tasks show`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from brokerless.functions.wording import call_words, function_path
from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.finding import ID_HELP, find_task
from brokerless.management.subcommands.tables import printable, status_colours, table_lines
from brokerless.management.subcommands.task_json import add_json_option, as_text, task_json
from brokerless.management.subcommands.wording import (
    moment_words,
    progress_words,
    running_time,
    status_words,
)
from brokerless.outcome import signal_words, size_words
from brokerless.representation import error_line, progress, waits_until
from brokerless.runtime_dir import TaskFiles
from brokerless.templatetags.brokerless import duration
from brokerless.tick import look_after

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

    from brokerless.models import TaskState


class Show(Subcommand):
    """All that is known of one task."""

    name = "show"
    help = "Show what is known of a task, brought to the truth first; `tasks log` has its output."

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("task", metavar="ID", help=ID_HELP)
        add_json_option(parser, "the task")

    def run(self, *, task: str, as_json: bool, no_color: bool, force_color: bool, **_: Any) -> None:
        found = look_after(find_task(task))
        if as_json:
            self.stdout.write(as_text(task_json(found)))
            return
        coloured = status_colours(self.stdout, no_color=no_color, force_color=force_color)
        facts = [(name, value) for name, value in _facts(found) if value]
        for line, (name, _value) in zip(table_lines(facts, width=None), facts, strict=True):
            words = status_words(found)
            self.stdout.write(line.replace(words, coloured(words, found.status), 1) if name == "Status" else line)
        for heading, text in _texts(found):
            self.stdout.write(f"\n{heading}\n{printable(text, keep_lines=True)}")


def _facts(task: TaskState) -> Iterator[tuple[str, str]]:
    """Yield what is known, each with its name, on one line."""
    yield "Task", str(task.pk)
    why = printable(error_line(task))
    yield "Status", f"{status_words(task)}: {why}" if why else status_words(task)
    yield "Title", printable(task.title)
    yield "Command", printable(task.command)
    yield from _given(task)
    yield "Owner", printable(task.owner.get_username()) if task.owner else "nobody"
    yield "Queue", printable(task.queue) + (f", priority {task.priority}" if task.priority else "")
    yield "Limits", ", ".join(_limits(task))
    yield from _times(task)
    yield from _processes(task)
    yield "Attempt", f"{task.attempt} of {task.max_attempts}" if task.max_attempts > 1 else ""
    yield "Progress", progress_words(progress(task))
    yield "Exit", _exit(task)
    yield "CPU time", "" if task.cpu_seconds is None else f"{task.cpu_seconds:.1f} s"
    yield "Memory", "" if task.peak_memory is None else f"{size_words(task.peak_memory)} at most"
    yield "Result", "" if task.result is None else _json(task.result)
    yield "Retry of", str(task.retry_of_id or "")
    yield "Retried by", ", ".join(f"{pk} ({status})" for pk, status in _retries(task))
    yield "Log", _log(task)


def _given(task: TaskState) -> Iterator[tuple[str, str]]:
    if function_path(task):
        yield "Function", printable(function_path(task))
        yield "Call", printable(call_words(task))
    else:
        yield "Arguments", _json(task.arguments) if task.arguments else ""
        yield "Options", _json(task.options) if task.options else ""


def _limits(task: TaskState) -> Iterator[str]:
    if task.timeout is not None:
        yield f"{task.timeout:g} s"
    if task.memory_limit is not None:
        yield size_words(task.memory_limit)
    if task.nice:
        yield f"niceness {task.nice}"


def _times(task: TaskState) -> Iterator[tuple[str, str]]:
    yield "Launched", moment_words(task.created_at)
    yield "Not before", moment_words(waits_until(task))
    yield "Started", moment_words(task.started_at)
    by = f" by {printable(task.cancel_requested_by.get_username())}" if task.cancel_requested_by else ""
    yield "Cancelled", f"{moment_words(task.cancel_requested_at)}{by}" if task.cancel_requested_at else ""
    yield "Finished", moment_words(task.finished_at)
    yield "Took", duration(running_time(task))


def _processes(task: TaskState) -> Iterator[tuple[str, str]]:
    if task.by_hand:
        yield "By hand", "started by a person or by cron, and not dispatched"
    yield "Host", printable(task.host.split("/")[0])
    pids = {"monitor": task.monitor_pid, "command": task.command_pid}
    yield "Processes", ", ".join(f"{name} {pid}" for name, pid in pids.items() if pid is not None)


def _exit(task: TaskState) -> str:
    if task.exit_signal is not None:
        return signal_words(task.exit_signal)
    return "" if task.exit_code is None else f"code {task.exit_code}"


def _retries(task: TaskState) -> list[tuple[Any, str]]:
    return list(task.retries.order_by("created_at").values_list("pk", "status"))


def _log(task: TaskState) -> str:
    """Say where the log is, if that is on this host."""
    if not task.lease:
        return ""
    files = TaskFiles(task.pk, task.lease)
    return f"{files.log} ({size_words(files.log_size())})" if files.has_log else "none on this host"


def _texts(task: TaskState) -> Iterator[tuple[str, str]]:
    """Yield what takes more than one line: the errors of earlier attempts, and the details of the last one."""
    for entry in task.errors:
        title = f"{entry.get('type', '')}: {entry.get('title', '')}"
        yield f"Attempt {entry.get('attempt', '?')} failed: {printable(title)}", entry.get("detail", "")
    if task.error_detail:
        yield "Details of the error:", task.error_detail


def _json(value: Any) -> str:
    return printable(json.dumps(value, ensure_ascii=False))
