"""A virtual environment with one version of Django, and the tests of tasks of that very version."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tests.conformance.subprocesses import ROOT, execute

if TYPE_CHECKING:
    from tests.conformance.interpreters import Interpreter

BUILD = ROOT / "build" / "conformance"
# Where Django's source distribution has the tests of its tasks, below the directory of its version.
TESTS = PurePosixPath("tests", "tasks")
# Written last, so that what an interrupted run has left is made anew.
STAMP = "made-with"


class NotMade(Exception):  # noqa: N818 - reads as what it says
    """A program that makes the environment failed; the text has its output."""


@dataclass(frozen=True)
class Environment:
    """The directory of a version of Django; `series` is the version without its last part."""

    series: str
    interpreter: Interpreter

    @property
    def directory(self) -> Path:
        return BUILD / self.series

    @property
    def python(self) -> Path:
        return self.directory / "venv" / "bin" / "python"

    @property
    def tests(self) -> Path:
        """The directory from which the tests are imported as the package `tasks`."""
        return self.directory / "tests"

    @property
    def is_made(self) -> bool:
        """Tell whether it was made with the same interpreter, for the same requirements."""
        stamp = self.directory / STAMP
        return self.python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == self._stamp()

    def make(self) -> None:
        """Make it anew. Raises NotMade."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self._run(self.interpreter.path, "-m", "venv", self.directory / "venv")
        # Editable: what is tested is the product as it is, in later runs, too.
        self._pip("install", f"django=={self.series}.*", "--editable", ROOT)
        self._fetch_tests(self._installed_version())
        (self.directory / STAMP).write_text(self._stamp(), encoding="utf-8")

    def _stamp(self) -> str:
        requirements = hashlib.sha256((ROOT / "setup.cfg").read_bytes()).hexdigest()
        return f"{self.interpreter} {self.interpreter.path}\n{requirements}\n"

    def _installed_version(self) -> str:
        return self._run(self.python, "-c", "import django; print(django.__version__)").strip()

    def _fetch_tests(self, version: str) -> None:
        """Unpack the tests from the source distribution: a wheel has none."""
        with tempfile.TemporaryDirectory(dir=self.directory) as downloads:
            self._pip(
                *("download", "--no-deps", "--no-binary", "django", "--dest", downloads),
                f"django=={version}",
            )
            for archive in Path(downloads).iterdir():
                unpack_tests(archive, self.tests)

    def _pip(self, *words: str | Path) -> None:
        self._run(self.python, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *words)

    def _run(self, *words: str | Path) -> str:
        """Run a program and return what it printed. Raises NotMade if it fails."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            code = execute(words, output=output)
            output.seek(0)
            printed = output.read()
        if code:
            raise NotMade(f"{' '.join(map(str, words))}: exit code {code}\n{printed}")
        return printed


def unpack_tests(archive: Path, target: Path) -> None:
    """Write the files of the tests of tasks, and no others, below a directory."""
    with tarfile.open(archive) as distribution:
        for member in distribution:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])  # without the version's directory
            content = distribution.extractfile(member)
            if content is not None and path.is_relative_to(TESTS):
                file = target / path.relative_to(TESTS.parent)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.read())
