"""What process tests do: launch probes, look at the processes, and see to it that none is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
from django.conf import settings as django_settings
from django.db import connection

from brokerless import children, launch
from brokerless.launchers import subprocess as launcher
from brokerless.models import TaskState
from brokerless.processes import Process
from brokerless.runtime_dir import TaskFiles
from brokerless.tick import look_after
from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest
    from pytest_django.fixtures import SettingsWrapper


class RealProcesses:
    """The processes of one test. Every one of them carries the test's directory in its environment."""

    def __init__(self, directory: Path, settings: SettingsWrapper, environment: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.words = directory / "words"
        self._settings = settings
        self._environment = environment
        self._changed: dict[str, Any] = {}

    def allow(self) -> None:
        """Have launched tasks run in real processes on the test's database and in its directory."""
        self.words.mkdir()
        setenv = self._environment.setenv
        setenv("DATABASE_URL", database_url())
        setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
        setenv("RUNTIME_DIR", str(self.directory / "runtime"))
        setenv("EXPORTS_DIR", str(self.directory / "exports"))
        setenv("EMAIL_FILE_PATH", str(self.directory / "mail"))
        self._settings.EMAIL_FILE_PATH = self.directory / "mail"
        storages = dict(django_settings.STORAGES)
        options = storages["exports"]["OPTIONS"] | {"location": self.directory / "exports"}
        storages["exports"] = storages["exports"] | {"OPTIONS": options}
        self._settings.STORAGES = storages
        self.configure(RUNTIME_DIR=str(self.directory / "runtime"), MAX_PROCESSES=8)
        self._environment.setattr(launcher, "allowed_in_tests", True)

    def environment(self, names: Iterable[str]) -> dict[str, str]:
        """Return these variables of the processes' environment, as far as they are set."""
        return {name: os.environ[name] for name in names if name in os.environ}

    def configure(self, **entries: Any) -> None:
        """Change entries of BROKERLESS, here and in the processes."""
        self._changed |= entries
        self._environment.setenv("TEST_BROKERLESS", json.dumps(self._changed))
        self._settings.BROKERLESS = django_settings.BROKERLESS | entries

    def launch(self, action: str, *values: object, **keywords: Any) -> TaskState:
        """Launch a probe; see `tests.probes`."""
        keywords.setdefault("options", {"directory": str(self.words)})
        return launch("probe", arguments=[action, *map(str, values)], **keywords)

    def launch_and_await_word(self, action: str, *values: object, **keywords: Any) -> TaskState:
        """Launch a probe and return its row once it says that it has started."""
        task = self.launch(action, *values, **keywords)
        self.await_word("started", task)
        return self.read(task)

    def launch_elsewhere(self, action: str, *values: object, **environment: str) -> TaskState:
        """Launch a probe from a process that is gone when this returns."""
        arguments, options = [action, *map(str, values)], {"directory": str(self.words)}
        code = (
            "import django; django.setup()\n"
            "from brokerless import launch\n"
            f"print(launch('probe', arguments={arguments!r}, options={options!r}).pk)\n"
        )
        return TaskState.objects.get(pk=self.run_python(code, **environment).strip())

    def run_python(self, code: str, **environment: str) -> str:
        """Run code in another Python, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def await_word(self, name: str, task: TaskState | None = None) -> str:
        """Return what a probe left word of; fail at once when its task has ended without."""

        def found() -> str:
            with suppress(FileNotFoundError):
                return (self.words / name).read_text()
            if task is not None:
                now = self.read(task)
                assert not now.is_finished or (self.words / name).exists(), describe(now)
            return ""

        return eventually(found, why=f"a word {name!r} of the probe")

    def say(self, name: str = "go") -> None:
        """Leave a word for the probe."""
        (self.words / name).touch()

    def has_heard(self, name: str) -> bool:
        return (self.words / name).exists()

    def await_end(self, task: TaskState, *, within: float = 20.0, look: bool = True) -> TaskState:
        """Return the row once it is finished; unless told otherwise, looking as a page that polls does."""

        def ended() -> TaskState | None:
            now = self.read(task)
            return (now if now.is_finished else None) if not look else _if_finished(look_after(now))

        return eventually(ended, within=within, why="the task is finished")

    def read(self, task: TaskState) -> TaskState:
        return TaskState.objects.get(pk=task.pk)

    def log(self, task: TaskState, *, lease: int | None = None) -> bytes:
        """Return what a task has printed, in its last attempt or in that of a lease."""
        now = self.read(task)
        return b"".join(TaskFiles(now.pk, lease or now.lease).raw_log())

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        os.kill(pid, number)

    def is_alive(self, pid: int | str) -> bool:
        """Tell whether a process of this test has this pid and runs; a zombie does not."""
        return any(process.pid == int(pid) for process in self.living())

    def living(self) -> list[psutil.Process]:
        """Return the processes of this test that run."""
        mark = str(self.directory / "runtime")
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get("RUNTIME_DIR") == mark:
                    found.append(process)
        return found

    def end_all(self) -> None:
        """Cancel what is unfinished, wait for every process and waiting thread, and assert that none is left."""
        for task in TaskState.objects.unfinished():
            task.cancel()
        try:
            eventually(lambda: not self.living(), within=20, why="every process of the test has ended")
        finally:
            for process in self.living():
                with suppress(psutil.Error):
                    process.kill()
            eventually(lambda: not children.pids(), why="every child of the test has been waited for")
        zombies = [child for child in psutil.Process().children() if not is_running(child)]
        assert not zombies


def is_running(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def is_alive(task: TaskState, role: str) -> bool:
    """Tell whether a task's "monitor" or "command" process runs."""
    return Process(getattr(task, f"{role}_pid"), getattr(task, f"{role}_start")).is_alive


def describe(task: TaskState) -> str:
    return f"{task.status}: {task.error_type}: {task.error_title}\n{task.error_detail}"


def database_url() -> str:
    """Return the URL of the database that this test uses, for the processes that it starts."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    place = f"{found['HOST'] or 'localhost'}:{found['PORT'] or 5432}"
    who = f"{found['USER']}:{found['PASSWORD']}@" if found["PASSWORD"] else f"{found['USER']}@"
    return f"postgres://{who}{place}/{found['NAME']}"


def _if_finished(task: TaskState) -> TaskState | None:
    return task if task.is_finished else None
