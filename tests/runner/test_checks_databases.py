"""The checks of the database by its settings and its file; pytest-django refuses every connection here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connections

from brokerless.checks import databases
from brokerless.checks.databases import check_database, check_time_zone, is_in_memory
from tests.runner.checking import ids

WAL = "PRAGMA journal_mode=WAL;"
IMMEDIATE = {"transaction_mode": "IMMEDIATE"}
MEMORY = [
    ":memory:",
    "file::memory:",
    "file::memory:?cache=shared",
    "file:name?mode=memory&cache=shared",
    "file:name?cache=shared&mode=memory",
    "file:/name?vfs=memdb",
]


class ToTasks:
    """Sends the tasks to a database of their own."""

    def db_for_write(self, model, **_):
        return "tasks" if model._meta.app_label == "brokerless" else None


@pytest.fixture
def use(settings, tmp_path):
    """Return the function that puts tasks into a database with these settings."""
    settings.DATABASE_ROUTERS = [f"{__name__}.ToTasks"]

    def put(name=tmp_path / "db.sqlite3", *, engine="sqlite3", test=None, **options):
        connections.settings["tasks"] = connections.settings["default"] | {
            "ENGINE": f"django.db.backends.{engine}",
            "NAME": name,
            "OPTIONS": options,
            "TEST": {"NAME": test},
        }

    yield put
    del connections["tasks"]
    del connections.settings["tasks"]


def make_file(path, journal_mode):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal_mode}")
        connection.execute("CREATE TABLE a (b)")
    return path


@pytest.mark.parametrize("name", MEMORY)
def test_a_database_in_memory_is_an_error(use, name):
    use(name)
    assert ids(check_database()) == ["brokerless.E007"]


@pytest.mark.parametrize("name", ["db.sqlite3", "/mode=memory/db", "file:/mode=memory/db?cache=shared", "memory"])
def test_a_database_in_a_file_is_not_in_memory(name):
    assert not is_in_memory(name)
    assert not is_in_memory(Path(name))


@pytest.mark.parametrize(
    ("name", "test"),
    [("file:memorydb_tasks?mode=memory&cache=shared", None), ("file:own?mode=memory", "file:own?mode=memory")],
)
def test_one_that_tests_made_is_not_said_in_a_test_run_only(use, monkeypatch, name, test):
    use(name, test=test)
    assert check_database() == []
    monkeypatch.setattr("brokerless.launchers.subprocess.is_test_run", lambda: False)
    assert ids(check_database()) == ["brokerless.E007"]


def test_another_database_is_not_asked_for_any_of_this(use):
    use("tasks", engine="postgresql")
    assert check_database() == []


def test_only_the_database_of_the_tasks_counts(use, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "NAME", ":memory:")
    use(**IMMEDIATE, init_command=WAL)
    assert check_database() == []


@pytest.mark.parametrize("mode", ["IMMEDIATE", "immediate", "EXCLUSIVE"])
def test_transactions_that_lock_at_once_are_fine(use, mode):
    use(transaction_mode=mode, init_command=WAL)
    assert check_database() == []


@pytest.mark.parametrize("options", [{}, {"transaction_mode": None}, {"transaction_mode": "DEFERRED"}])
def test_transactions_that_do_not_are_a_warning(use, options):
    use(init_command=WAL, **options)
    (message,) = check_database()
    assert ids([message]) == ["brokerless.W003"]
    assert '"transaction_mode": "IMMEDIATE"' in message.hint


@pytest.mark.parametrize(
    "command",
    [WAL, "pragma Journal_Mode = wal", "PRAGMA synchronous=NORMAL; PRAGMA main.journal_mode('WAL')"],
)
def test_a_database_that_is_put_into_wal_is_fine(use, tmp_path, command):
    use(make_file(tmp_path / "db.sqlite3", "DELETE"), init_command=command, **IMMEDIATE)
    assert check_database() == []


@pytest.mark.parametrize("as_name", [str, Path, "file:{}?cache=private".format])
def test_a_file_that_is_in_wal_is_fine(use, tmp_path, as_name):
    path = make_file(tmp_path / "a file.sqlite3", "WAL")
    use(as_name(path), **IMMEDIATE)
    assert check_database() == []


@pytest.mark.parametrize("as_name", [str, Path, "file:{}?cache=private".format])
def test_a_file_that_is_not_is_a_warning(use, tmp_path, as_name):
    path = make_file(tmp_path / "a file.sqlite3", "DELETE")
    use(as_name(path), **IMMEDIATE)
    (message,) = check_database()
    assert ids([message]) == ["brokerless.W004"]
    assert "PRAGMA journal_mode=WAL" in message.hint


def test_a_file_that_is_taken_out_of_wal_is_a_warning(use, tmp_path):
    use(make_file(tmp_path / "db.sqlite3", "WAL"), init_command="PRAGMA journal_mode=DELETE", **IMMEDIATE)
    assert ids(check_database()) == ["brokerless.W004"]


def test_of_a_file_that_is_not_there_or_empty_nothing_is_said(use, tmp_path):
    use(tmp_path / "none.sqlite3", **IMMEDIATE)
    assert check_database() == []
    (tmp_path / "none.sqlite3").touch()
    assert check_database() == []
    assert (tmp_path / "none.sqlite3").stat().st_size == 0


def test_the_file_is_only_read(use, tmp_path):
    path = make_file(tmp_path / "db.sqlite3", "WAL")
    use(path, **IMMEDIATE)
    before = path.stat().st_mtime_ns, path.read_bytes()
    check_database()
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert databases._versions(path) == b"\2\2"


def test_a_site_without_time_zones_is_an_error(settings):
    assert check_time_zone() == []
    settings.USE_TZ = False
    assert ids(check_time_zone()) == ["brokerless.E013"]
