"""`manage.py call_task`: call a task function; what `@task` functions are run by."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from brokerless.arguments import json_value
from brokerless.current import current_task
from brokerless.functions.command import CALL_TASK, DEFAULT_ALIAS
from brokerless.functions.running import run_function

if TYPE_CHECKING:
    from argparse import ArgumentParser


def json_list(text: str) -> list[Any]:
    """Read a JSON list."""
    return _checked(json_value(text), list, "list")


def json_object(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    return _checked(json_value(text), dict, "object")


json_list.reads_json = json_object.reads_json = True


class Command(BaseCommand):
    help = "Call a function that @task has made, and print what it returns as JSON."
    # Those of the site ran when it started; a task has no use for them.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="The function's dotted path: library.tasks.recompute_author_statistics.")
        parser.add_argument(
            "--arguments", type=json_list, default=[], metavar="JSON", help="Its arguments, as a JSON list."
        )
        parser.add_argument(
            "--keywords", type=json_object, default={}, metavar="JSON", help="Others by name, as a JSON object."
        )
        parser.add_argument(
            "--backend",
            default=DEFAULT_ALIAS,
            metavar="ALIAS",
            help="Its backend: the key in TASKS (%(default)s).",
        )

    def handle(self, *, path: str, arguments: list, keywords: dict, backend: str, **_: Any) -> None:
        task = current_task()
        state = task.begin(CALL_TASK) if task else None
        value = run_function(path, arguments, keywords, alias=backend, state=state)
        if state is None:
            self.stdout.write(json.dumps(value, ensure_ascii=False))
        elif value is not None:
            # A function that returns nothing may have set its task's result itself.
            task.result = value


def _checked(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise ArgumentTypeError(f"{json.dumps(value)} is no JSON {name}")
    return value
