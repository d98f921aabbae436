"""A changed release: noticed by the monitors of the old one, and the next task runs with the new one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from brokerless import dispatch, release
from brokerless.exceptions import SpawnError
from brokerless.models import TaskState
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
MANAGE_PY = (ROOT / "manage.py").read_text().replace("library.settings", "shop_settings")
# Paths made from `__file__`, as usual: Python has resolved the link to the release in it.
SETTINGS = """
import os
from pathlib import Path
BASE_DIR = Path(__file__).absolute().parent
SHARED = Path(os.environ["SHOP_SHARED"])
RELEASE = {release!r}
SECRET_KEY = "x"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "brokerless", "shop"]
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": SHARED / "db.sqlite3",
    "OPTIONS": {{
        "transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"
    }},
}}}}
BROKERLESS = {{"RUNTIME_DIR": SHARED / "runtime", "MAX_PROCESSES": 1}}
if {with_manage_py!r}:
    BROKERLESS["MANAGE_PY"] = BASE_DIR / "manage.py"
"""
COMMAND = """
import time
from django.conf import settings
from django.core.management.base import BaseCommand
from brokerless import current_task

class Command(BaseCommand):
    def handle(self, **options):
        (settings.SHARED / f"started-{settings.RELEASE}").touch()
        while not (settings.SHARED / f"go-{settings.RELEASE}").exists():
            time.sleep(0.01)
        current_task().result = settings.RELEASE
"""
LAUNCH = "from brokerless import launch\nfor _ in range({count}): launch('report')"


class Shop:
    """A project in `releases/<name>`, of which `current` is a link to one."""

    def __init__(self, directory: Path, *, with_manage_py: bool) -> None:
        self.shared = directory / "shared"
        self.shared.mkdir()
        self.releases = directory / "releases"
        self.current = directory / "current"
        self.with_manage_py = with_manage_py
        self._environment = os.environ | {
            "SHOP_SHARED": str(self.shared),
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "shop_settings",
            "PWD": str(self.current),
        }

    def write(self, name: str, *, into: str | None = None) -> Path:
        """Write a release, or write it over another one, and return its directory."""
        directory = self.releases / (into or name)
        commands = directory / "shop" / "management" / "commands"
        commands.mkdir(parents=True, exist_ok=True)
        for package in (commands, commands.parent, commands.parent.parent):
            (package / "__init__.py").touch()
        (commands / "report.py").write_text(COMMAND)
        settings = SETTINGS.format(release=name, with_manage_py=self.with_manage_py)
        (directory / "shop_settings.py").write_text(settings)
        (directory / "manage.py").write_text(MANAGE_PY)
        return directory

    def switch(self, name: str) -> None:
        """Have the link lead to another release, in one step as a deploy does."""
        draft = self.current.with_name("next")
        draft.symlink_to(self.releases / name)
        draft.replace(self.current)

    def manage(self, *words: object) -> None:
        program = [self.current / "manage.py"] if self.with_manage_py else ["-m", "brokerless"]
        done = subprocess.run(
            [sys.executable, *program, *map(str, words)],
            cwd=self.current,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr

    def launch(self, count: int) -> None:
        self.manage("shell", "--command", LAUNCH.format(count=count))

    def let_go(self, name: str) -> None:
        (self.shared / f"go-{name}").touch()

    def await_start(self, name: str) -> None:
        eventually((self.shared / f"started-{name}").exists, why=f"a task runs with {name}: {self.rows()}")

    def rows(self) -> list[tuple[str, object]]:
        """Return status and result of every task, in the order of their launch."""
        with closing(sqlite3.connect(self.shared / "db.sqlite3", timeout=20)) as connection:
            found = connection.execute("SELECT status, result FROM brokerless_taskstate ORDER BY created_at")
            return [(status, json.loads(result) if result else None) for status, result in found]

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("SHOP_SHARED") == str(self.shared):
                    found.append(process)
        return found

    def end(self) -> None:
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()


@pytest.fixture
def make_shop(tmp_path):
    shops = []

    def make(**keywords):
        shops.append(Shop(tmp_path, **keywords))
        shops[-1].write("one")
        shops[-1].switch("one")
        shops[-1].manage("migrate", "--verbosity", 0)
        return shops[-1]

    yield make
    for shop in shops:
        shop.end()


@pytest.mark.parametrize("with_manage_py", [True, False], ids=["manage.py", "python -m brokerless"])
def test_the_next_task_runs_with_the_release_that_the_link_leads_to_by_then(make_shop, with_manage_py):
    shop = make_shop(with_manage_py=with_manage_py)
    shop.launch(3)
    shop.await_start("one")

    for before, after in (("one", "two"), ("two", "three")):
        shop.write(after)
        shop.switch(after)
        shop.let_go(before)
        shop.await_start(after)
    shutil.rmtree(shop.releases / "one")
    shop.let_go("three")

    eventually(lambda: not shop.processes(), why="everything has ended")
    assert shop.rows() == [("SUCCESSFUL", "one"), ("SUCCESSFUL", "two"), ("SUCCESSFUL", "three")]


def test_the_next_task_runs_with_a_release_that_was_written_over_the_old_one(make_shop):
    shop = make_shop(with_manage_py=True)
    shop.launch(2)
    shop.await_start("one")

    shop.write("two", into="one")
    shop.let_go("one")
    shop.await_start("two")
    shop.let_go("two")

    eventually(lambda: not shop.processes(), why="everything has ended")
    assert shop.rows() == [("SUCCESSFUL", "one"), ("SUCCESSFUL", "two")]


def test_a_release_that_does_not_start_leaves_the_next_task_waiting_and_says_so(make_shop):
    shop = make_shop(with_manage_py=True)
    shop.launch(2)
    shop.await_start("one")

    (shop.write("two", into="one") / "shop_settings.py").write_text("import nothing_of_that_name")
    shop.let_go("one")
    eventually(lambda: not shop.processes(), why="everything has ended")

    assert shop.rows() == [("SUCCESSFUL", "one"), ("READY", None)]
    logs = "".join(path.read_text() for path in (shop.shared / "runtime").rglob("*.log"))
    assert "a round with the new one ended with exit code 1" in logs
    shop.write("two", into="one")
    shop.let_go("two")
    shop.manage("tasks", "tick")
    eventually(lambda: shop.rows()[1] == ("SUCCESSFUL", "two"), why="the next tick starts it")


@pytest.fixture
def project(tmp_path, settings, monkeypatch):
    """Have the project be a link to a directory with a manage.py."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manage.py").write_text(MANAGE_PY)
    link = tmp_path / "current"
    link.symlink_to("one")
    settings.BROKERLESS = settings.BROKERLESS | {"MANAGE_PY": link / "manage.py"}
    monkeypatch.setattr(release, "_noted", None)
    return link


def test_a_process_that_took_no_note_is_never_outdated(project):
    assert not release.is_outdated()
    os.utime(project / "manage.py", (1, 1))
    assert not release.is_outdated()


def test_a_link_to_another_directory_is_another_release(project):
    release.take_note()
    assert not release.is_outdated()
    project.unlink()
    assert release.is_outdated()
    project.symlink_to("two")
    assert release.is_outdated()
    project.unlink()
    project.symlink_to("one")
    assert not release.is_outdated()


def test_a_changed_manage_py_is_another_release(project):
    release.take_note()
    os.utime(project / "manage.py", (1, 1))
    assert release.is_outdated()


@pytest.mark.parametrize("change", ["touched", "added", "removed"])
def test_other_settings_are_another_release(project, monkeypatch, tmp_path, change):
    folder = tmp_path / "settings"
    folder.mkdir()
    for name in ("__init__.py", "base.py"):
        (folder / name).touch()
    module = type(sys)("shop_settings")
    module.__file__ = str(folder / "__init__.py")
    monkeypatch.setitem(sys.modules, "shop_settings", module)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop_settings")
    release.take_note()

    if change == "touched":
        os.utime(folder / "base.py", (1, 1))
    elif change == "added":
        (folder / "local.py").touch()
    else:
        (folder / "base.py").unlink()

    assert release.is_outdated()


def test_another_version_of_this_package_is_another_release(project, monkeypatch, tmp_path):
    release.take_note()
    monkeypatch.setattr(release.brokerless, "__file__", str(tmp_path / "__init__.py"))
    assert release.is_outdated()


@pytest.mark.django_db
def test_an_outdated_process_starts_nothing_itself(project, monkeypatch):
    rounds = []
    monkeypatch.setattr(release, "tick_with_current_code", lambda: rounds.append(1))
    release.take_note()
    os.utime(project / "manage.py", (1, 1))
    assert dispatch.dispatch() == 0
    assert rounds == []

    task = TaskState.objects.create(command="probe")
    assert dispatch.dispatch(look_first=False) == 0

    assert rounds == [1]
    task.refresh_from_db()
    assert task.status == TaskState.Status.READY


def test_a_round_that_cannot_be_started_is_told(project, monkeypatch, caplog):
    def refuse(*_, **__):
        raise SpawnError("no such program")

    monkeypatch.setattr(release, "spawn", refuse)
    assert not release.tick_with_current_code()
    assert "no such program" in caplog.text
