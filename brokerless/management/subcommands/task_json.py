"""A task as JSON, for scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from brokerless.context import restored, without_request
from brokerless.representation import represent

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable

    from brokerless.models import TaskState


class Operator:
    """Whoever has the site's shell, as the user that `represent()` asks: may do everything."""

    pk = None
    is_staff = True

    def has_perm(self, _permission: str) -> bool:
        return True


def add_json_option(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("--json", action="store_true", dest="as_json", help=f"Print {what} as JSON, for scripts.")


def task_json(task: TaskState) -> dict[str, Any]:
    """Return what the site's pages give as JSON to whoever may do everything, and what operators alone see."""
    # The paths are those that the site's pages have.
    with restored(without_request()):
        public = represent(task, Operator())
    return public | {
        "arguments": task.arguments,
        "options": task.options,
        "owner": None if task.owner is None else task.owner.get_username(),
        "host": task.host.split("/")[0] or None,
        "monitor_pid": task.monitor_pid,
        "command_pid": task.command_pid,
        "by_hand": task.by_hand,
        "retry_of": None if task.retry_of_id is None else str(task.retry_of_id),
    }


def as_text(value: Any) -> str:
    """Return JSON to print: in ASCII, which every terminal and pipe takes and none obeys."""
    return json.dumps(value, indent=2)


def tasks_text(tasks: Iterable[TaskState]) -> str:
    return as_text([task_json(task) for task in tasks])
