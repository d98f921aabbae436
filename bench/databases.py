"""The databases that are measured, each private to a run."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.postgres import create_database, drop_database, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")


@contextmanager
def sqlite(directory: Path) -> Iterator[dict[str, Any]]:
    """Give a file in the directory, set as docs/checks.md advises."""
    yield {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(directory / "db.sqlite3"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


@contextmanager
def postgresql(_: Path) -> Iterator[dict[str, Any]]:
    """Create a database on the server of TEST_POSTGRES_URL, and drop it. Raises OSError if there is none."""
    name = create_database(POSTGRES_URL)
    try:
        yield settings_of(POSTGRES_URL, name)
    finally:
        drop_database(POSTGRES_URL, name)


DATABASES = {"SQLite": sqlite, "PostgreSQL": postgresql}
