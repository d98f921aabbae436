"""The databases of a run, and how each of them goes away for a while."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from tests.chaos.cluster import Cluster
from tests.postgres import create_database, drop_database

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

# As short as lets most tasks outlast them: whoever cannot adopt its task within START_TIMEOUT gives it up.
SHORTEST_ABSENCE, LONGEST_ABSENCE = 1.0, 3.0  # seconds


class Database(Protocol):
    """What a run needs of a database; `absences` are ways of being away, each until it returns."""

    url: str
    absences: tuple[Callable[[random.Random], None], ...]

    def start(self) -> None: ...
    def remove(self) -> None: ...


class Sqlite:
    """A file, locked for seconds by somebody else's transaction."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "db.sqlite3"
        self.url = f"sqlite:///{self._path}"
        self.absences = (self._hold_lock,)

    def start(self) -> None:
        pass

    def remove(self) -> None:
        pass

    def _hold_lock(self, chance: random.Random) -> None:
        with closing(sqlite3.connect(self._path, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(_absence(chance))
            connection.execute("ROLLBACK")


class PrivatePostgres:
    """A server of the run's own, which crashes, and is at once or later started again."""

    def __init__(self) -> None:
        self._cluster = Cluster()
        self.url = self._cluster.url
        self.absences = (self._restart, self._stop_for_a_while)

    def start(self) -> None:
        self._cluster.start()

    def remove(self) -> None:
        self._cluster.remove()

    def _restart(self, _chance: random.Random) -> None:
        self._cluster.crash_and_recover()

    def _stop_for_a_while(self, chance: random.Random) -> None:
        self._cluster.crash()
        time.sleep(_absence(chance))
        self._cluster.resume()


class GivenPostgres:
    """A database on a server that others use too: its connections are ended, and new ones refused for a while."""

    def __init__(self, url: str) -> None:
        self._server = url
        self.absences = (self._end_connections, self._refuse_connections)

    def start(self) -> None:
        self._name = create_database(self._server)
        self.url = self._server.rpartition("/")[0] + f"/{self._name}"

    def remove(self) -> None:
        drop_database(self._server, self._name)

    def _end_connections(self, _chance: random.Random) -> None:
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
        _execute(self._server, f"{ending} '{self._name}'")

    def _refuse_connections(self, chance: random.Random) -> None:
        _execute(self._server, f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        self._end_connections(chance)
        time.sleep(_absence(chance))
        _execute(self._server, f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _absence(chance: random.Random) -> float:
    return chance.uniform(SHORTEST_ABSENCE, LONGEST_ABSENCE)
