"""The example site on a database of its own, for as long as it is measured."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.databases import DATABASES
from bench.exports.running import ROOT, run
from bench.exports.ways import POSTGRESQL, SQLITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Site:
    """database: a name of DATABASES. environment: of whatever reads its books. directory: for what it writes."""

    database: str
    environment: dict[str, str]
    directory: Path
    database_name: str

    def add_books(self, last: int) -> None:
        print(f"{self.database}: {last:,} books …", file=sys.stderr)
        self._python("bench.exports.books", str(last))

    def migrate(self) -> None:
        self._python("django", "migrate", "--verbosity", "0", "--skip-checks")

    def versions(self) -> str:
        """Return the versions of what is measured with this database: the server or library, and the program."""
        if self.database == SQLITE:
            return f"SQLite {sqlite3.sqlite_version} in Python{_program('sqlite3', '--version')}"
        return f"PostgreSQL {_server_version(self.environment)}{_program('psql', '--version')}"

    def _python(self, module: str, *words: str) -> None:
        run([[sys.executable, "-m", module, *words]], environment=self.environment, output=None)


@contextmanager
def open_site(database: str) -> Iterator[Site]:
    """Make a site with no books. Raises OSError when its database cannot be reached."""
    directory = BUILD / database.lower()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        with DATABASES[database](directory) as settings:
            environment = {
                "BENCH_DATABASE": json.dumps(settings),
                "DJANGO_SETTINGS_MODULE": "bench.exports.settings",
                "RUNTIME_DIR": str(directory / "runtime"),
            }
            if database == POSTGRESQL:
                environment |= _for_psql(settings)
            site = Site(database, environment, directory, settings["NAME"])
            site.migrate()
            yield site
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _for_psql(settings: dict) -> dict[str, str]:
    """Return the settings as the variables that libpq reads."""
    keys = ("HOST", "PORT", "USER", "PASSWORD")
    found = {f"PG{key}": str(settings[key]) for key in keys if settings[key]}
    return found | {"PGDATABASE": settings["NAME"]}


def _server_version(environment: dict[str, str]) -> str:
    import psycopg

    given = json.loads(environment["BENCH_DATABASE"])
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    with psycopg.connect(**{name: given[key] for key, name in names.items() if given[key]}) as connection:
        return connection.info.parameter_status("server_version") or ""


def _program(name: str, option: str) -> str:
    """Return what a program says of its version, to be told after what it belongs to."""
    if shutil.which(name) is None:
        return ""
    printed = subprocess.run([name, option], capture_output=True, text=True, check=False).stdout
    number = next((word for word in printed.split() if word[0].isdigit()), "of no known version")
    return f", {name} {number}"
