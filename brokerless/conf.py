"""The settings: one dict, one declarative table, read lazily, reset when a test overrides them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from brokerless.unresolved import unresolved

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Setting:
    """One entry of a settings dict: its name, types, default (a value or a function), unit and sentence."""

    name: str
    types: tuple[type, ...]
    default: Any | Callable[[], Any]
    unit: str
    sentence: str

    def problem(self, value: object) -> str:
        """Return what is wrong with a value in one sentence, or an empty text."""
        # True is an int in Python, but no number of anything.
        if not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types):
            wanted = " or ".join("nothing (None)" if t is type(None) else t.__name__ for t in self.types)
            return f"{self.name} is {value!r}, but must be {wanted}: {self.sentence}"
        if isinstance(value, int | float) and value <= 0:
            return f"{self.name} is {value!r}, but must be greater than 0 ({self.unit}): {self.sentence}"
        return ""


class Settings:
    """Read one dict of Django's settings through its table; unset entries have their defaults."""

    def __init__(self, dict_name: str, table: tuple[Setting, ...]) -> None:
        self.dict_name = dict_name
        self.table = {setting.name: setting for setting in table}
        setting_changed.connect(self._reset)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.table:
            raise AttributeError(f"{self.dict_name} has no entry {name!r}; it has {', '.join(self.table)}")
        value = self.given.get(name, self.table[name].default)
        value = value() if callable(value) else value
        setattr(self, name, value)
        return value

    @property
    def given(self) -> dict[str, Any]:
        return getattr(django_settings, self.dict_name, {})

    def problems(self) -> list[str]:
        """Return a sentence for every entry that is unknown or has a wrong value."""
        if not isinstance(self.given, dict):
            return [f"{self.dict_name} is {self.given!r}, but must be a dict."]
        unknown = [
            f"{name} is no entry of {self.dict_name}; the entries are {', '.join(self.table)}."
            for name in self.given
            if name not in self.table
        ]
        wrong = [self.table[name].problem(value) for name, value in self.given.items() if name in self.table]
        return unknown + [problem for problem in wrong if problem]

    def _reset(self, *, setting: str, **_: object) -> None:
        if setting == self.dict_name:
            for name in self.table:
                self.__dict__.pop(name, None)


def project_directory() -> Path:
    """Return where tasks run: beside MANAGE_PY, else the folder that the settings were imported from.

    Unresolved on purpose: behind a symbolic link to the current release, every new process follows it anew.
    """
    if settings.MANAGE_PY is not None:
        return unresolved(Path(settings.MANAGE_PY).absolute().parent)
    name = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    module = sys.modules.get(name)
    if module is None or not getattr(module, "__file__", None):
        return Path.cwd()
    is_package = Path(module.__file__).name == "__init__.py"
    return unresolved(Path(module.__file__).absolute().parents[name.count(".") + is_package])


def cpu_count() -> int:
    return os.cpu_count() or 1


settings = Settings(
    "BROKERLESS",
    (
        Setting(
            "MANAGE_PY",
            (str, Path, type(None)),
            None,
            "path",
            "a manage.py that calls brokerless.management.execute_from_command_line; "
            "without it tasks run as `python -m brokerless`.",
        ),
        Setting(
            "PYTHON",
            (str, Path, type(None)),
            None,
            "path",
            "the interpreter that runs tasks; without it the one of the launching process's environment.",
        ),
        Setting("DIRECTORY", (str, Path), project_directory, "path", "the working directory of tasks."),
        Setting(
            "RUNTIME_DIR",
            (str, Path),
            lambda: Path(settings.DIRECTORY) / "var" / "brokerless",
            "path",
            "where logs and the notes of running tasks lie; private to the user that runs the site.",
        ),
        Setting(
            "PREFIX",
            (list, tuple),
            (),
            "words",
            "put before every task's command line; a program that ends by executing it (`systemd-run --scope`).",
        ),
        Setting("MAX_PROCESSES", (int,), cpu_count, "tasks", "how many tasks may run at once on a host."),
        Setting(
            "QUEUES",
            (dict,),
            dict,
            "name → dict",
            "named kinds of tasks: `limit`, how many may run at once on all hosts together, and the defaults "
            "`timeout` (seconds), `memory_limit` (bytes), `nice` (0 to 19) and `max_attempts` of what is launched "
            "in it.",
        ),
        Setting(
            "MAX_UNFINISHED_PER_OWNER",
            (int, type(None)),
            100,
            "tasks",
            "how many unfinished tasks a user may have; without it any number.",
        ),
        Setting(
            "RETRY_PAUSE",
            (int, float),
            10,
            "seconds",
            "how long a failed task waits for its second attempt; the pause doubles with each further one.",
        ),
        Setting(
            "LONGEST_RETRY_PAUSE",
            (int, float),
            3600,
            "seconds",
            "beyond this the pause between two attempts does not grow.",
        ),
        Setting(
            "RECORD",
            (list, tuple),
            ("export_*",),
            "patterns",
            "the commands that leave a row, a log and an exit code when they are run by hand or from cron, too; "
            "* stands for any text.",
        ),
        Setting(
            "START_TIMEOUT",
            (int, float),
            60,
            "seconds",
            "how long a claimed task may take until its monitor owns it.",
        ),
        Setting(
            "CANCEL_GRACE",
            (int, float),
            10,
            "seconds",
            "how long a command may take to stop after SIGTERM, before SIGKILL.",
        ),
        Setting(
            "LOST_AFTER",
            (int, float),
            60,
            "seconds",
            "how long a heartbeat on another host must stand still until the task counts as lost.",
        ),
        Setting(
            "LOG_LIMIT",
            (int,),
            10 * MEGABYTE,
            "bytes",
            "how much of a task's output is kept; the end is kept beyond it.",
        ),
        Setting(
            "PURGE_AFTER",
            (int, float, type(None)),
            30,
            "days",
            "how long finished tasks and their logs are kept; without it nothing is removed by itself.",
        ),
        Setting(
            "NOTIFY_FAILURES",
            (list, tuple),
            (),
            "names",
            "who is mailed when a task failed or was lost: `owner`, `managers` (of Django's MANAGERS), or both.",
        ),
        Setting(
            "LONGEST_WAIT",
            (int, float),
            900,
            "seconds",
            "how long a task may wait beyond its time until `tasks check` says so.",
        ),
        Setting(
            "LEAST_DISK",
            (int,),
            100 * MEGABYTE,
            "bytes",
            "how much room the disk of RUNTIME_DIR must have until `tasks check` says that it is full.",
        ),
        Setting(
            "ADMIN_COMMANDS",
            (list, tuple),
            (),
            "names",
            "the commands that staff with the permission to launch may launch in the admin.",
        ),
        Setting(
            "BASE_URL",
            (str,),
            "",
            "URL",
            "where the site is reached, for links made without a request; wins over the request's host.",
        ),
        Setting(
            "CONTEXT_HEADERS",
            (list, tuple),
            ("X-Request-ID", "traceparent"),
            "names",
            "the request's headers that a task may see; Cookie and Authorization never are.",
        ),
        Setting(
            "CONTEXT",
            (dict,),
            dict,
            "name → (capture, restore)",
            "the site's own context: dotted paths of `capture(request) -> JSON` and of the context manager "
            "`restore(value)`.",
        ),
        Setting(
            "LAUNCHER",
            (str,),
            "brokerless.launchers.subprocess.SubprocessLauncher",
            "dotted path",
            "the strategy that turns a claimed task into a process.",
        ),
    ),
)
