"""Checks of the database that tasks are written to, by its settings and by its file; no connection is opened."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings as django_settings
from django.core import checks
from django.db import connections, router

from brokerless.models import TaskState

# Who asks for the lock at the start of a transaction waits for it; who asks later may be refused at once.
LOCKS_AT_ONCE = frozenset({"IMMEDIATE", "EXCLUSIVE"})
JOURNAL_MODE = re.compile(r"\bjournal_mode\s*[=(]\s*['\"]?(\w+)", re.IGNORECASE)
# https://www.sqlite.org/fileformat.html: the versions for writing and reading; 2 stands for WAL.
VERSIONS = slice(18, 20)
WAL_VERSIONS = b"\2\2"


def check_database() -> list[checks.CheckMessage]:
    """E007: tasks are in a SQLite database in memory. W003, W004: in one that bears no second writer."""
    alias = router.db_for_write(TaskState)
    if connections[alias].vendor != "sqlite":
        return []
    database = connections[alias].settings_dict
    if is_in_memory(database["NAME"]):
        return [] if _is_made_by_tests(alias, database) else [_in_memory(alias)]
    options = database.get("OPTIONS", {})
    return [*_transaction_messages(alias, options), *_journal_messages(alias, database["NAME"], options)]


def check_time_zone() -> list[checks.CheckMessage]:
    """E013: the site's moments have no time zone."""
    if django_settings.USE_TZ:
        return []
    text = "USE_TZ is False: moments in the database's time and in the site's own cannot be compared."
    hint = "Set USE_TZ = True: tasks would start, or be tried again, hours too early or too late."
    return [checks.Error(text, hint=hint, id="brokerless.E013")]


def is_in_memory(name: str | Path) -> bool:
    """Tell whether a NAME of SQLite's stands for a database that lives in one process."""
    if not str(name).startswith("file:"):
        return str(name) == ":memory:"
    parts = urlsplit(str(name))
    query = parse_qs(parts.query)
    # https://www.sqlite.org/uri.html
    return parts.path == ":memory:" or "memory" in query.get("mode", []) or "memdb" in query.get("vfs", [])


def _is_made_by_tests(alias: str, database: dict[str, Any]) -> bool:
    """Tell whether Django's test runner has put this name in place of the site's own."""
    from brokerless.launchers.subprocess import is_test_run

    names = {database["TEST"].get("NAME"), f"file:memorydb_{alias}?mode=memory&cache=shared"}
    return is_test_run() and database["NAME"] in names


def _in_memory(alias: str) -> checks.CheckMessage:
    text = f"The database {alias!r} is in this process's memory: the processes of tasks cannot see it."
    hint = "Give it a file in DATABASES['NAME'], or use PostgreSQL."
    return checks.Error(text, hint=hint, id="brokerless.E007")


def _transaction_messages(alias: str, options: dict[str, Any]) -> list[checks.CheckMessage]:
    mode = options.get("transaction_mode")
    if str(mode).upper() in LOCKS_AT_ONCE:
        return []
    text = (
        f"The SQLite database {alias!r} begins its transactions without the lock for writing: where two processes "
        "write, one fails with “database is locked” at once, whatever the time-out."
    )
    hint = 'Put "transaction_mode": "IMMEDIATE" into its OPTIONS.'
    return [checks.Warning(text, hint=hint, id="brokerless.W003")]


def _journal_messages(alias: str, name: str | Path, options: dict[str, Any]) -> list[checks.CheckMessage]:
    if _is_wal(name, options):
        return []
    text = f"The SQLite database {alias!r} is not in WAL mode: whoever writes stops those who read, and they him."
    hint = 'Put "init_command": "PRAGMA journal_mode=WAL;" into its OPTIONS.'
    return [checks.Warning(text, hint=hint, id="brokerless.W004")]


def _is_wal(name: str | Path, options: dict[str, Any]) -> bool:
    """Tell whether the database is in WAL mode or going to be; of one that cannot be read the best is hoped."""
    asked_for = JOURNAL_MODE.findall(options.get("init_command") or "")
    if asked_for:
        return asked_for[-1].upper() == "WAL"
    return _versions(name) in (WAL_VERSIONS, b"")


def _versions(name: str | Path) -> bytes:
    """Return the file's two versions; nothing if it is not there, empty, or may not be read."""
    path = unquote(urlsplit(str(name)).path) if str(name).startswith("file:") else name
    with suppress(OSError), Path(path).open("rb") as file:
        return file.read(VERSIONS.stop)[VERSIONS]
    return b""
