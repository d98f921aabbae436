"""The wheel: what it holds, and that a site of somebody else runs on it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
SETTINGS = """
SECRET_KEY = "of a test"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "brokerless", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""
COMMAND = """
from django.core.management.base import BaseCommand
from brokerless import track

class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("count", type=int)

    def handle(self, *, count, **options):
        for number in track(range(count), unit="numbers"):
            self.stdout.write(str(number))
"""
LAUNCH = """
import django; django.setup()
import brokerless
from brokerless import launch
task = launch("count", arguments=[3]).wait(timeout=60)
print(brokerless.__file__, task.status, task.progress_current, task.error_title)
"""


def run(words: Sequence[object], **keywords: object) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=120, check=False, **keywords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of what it is made of, so that nothing is written beside the sources."""
    directory = tmp_path_factory.mktemp("wheel")
    sources = directory / "sources"
    sources.mkdir()
    for name in ("brokerless", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "library", "exports"):
        run(["cp", "-r", ROOT / name, sources])
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", directory, sources])
    return next(directory.glob("*.whl"))


def test_the_wheel_holds_the_product_and_nothing_of_the_example_site(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"brokerless"}
    for sources in ("**/*.py", "**/*.html", "**/*.txt", "**/*.js", "**/*.css", "**/*.mo", "py.typed"):
        for path in (ROOT / "brokerless").glob(sources):
            assert str(path.relative_to(ROOT)) in names


def test_a_command_of_another_site_runs_as_a_task_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    installed, project = tmp_path / "installed", tmp_path / "project"
    run([sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", installed, wheel])
    commands = project / "shop" / "management" / "commands"
    commands.mkdir(parents=True)
    for package in (commands, commands.parent, commands.parent.parent):
        (package / "__init__.py").touch()
    (commands / "count.py").write_text(COMMAND)
    (project / "shop_settings.py").write_text(SETTINGS)
    environment = os.environ | {"PYTHONPATH": str(installed), "DJANGO_SETTINGS_MODULE": "shop_settings"}
    inside = {"cwd": project, "env": environment}
    run([sys.executable, "-m", "django", "migrate", "--verbosity", 0], **inside)

    printed = run([sys.executable, "-c", LAUNCH], **inside)

    assert printed.split(maxsplit=3)[:3] == [str(installed / "brokerless" / "__init__.py"), "SUCCESSFUL", "3"]
    log = next((project / "var" / "brokerless").rglob("*.log"))
    assert log.read_text().split() == ["0", "1", "2"]
