"""A database on a PostgreSQL server, made for one run of the suite."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import uuid4

import environ
from django.db import connections


def create_database(url: str) -> str:
    """Create a database and return its name. Raises OSError when the server cannot be reached."""
    name = f"test_brokerless_{uuid4().hex}"
    _execute(url, f'CREATE DATABASE "{name}"')
    return name


def drop_database(url: str, name: str) -> None:
    _execute(url, f'DROP DATABASE "{name}" WITH (FORCE)')


def settings_of(url: str, name: str) -> dict:
    """Return Django's settings for a database of the server."""
    given = environ.Env.db_url_config(urlsplit(url)._replace(path=f"/{name}").geturl())
    return connections.configure_settings({"default": given})["default"]


class default_database:  # noqa: N801 - reads as the context that it is
    """Put another database behind the alias "default", in every thread."""

    def __init__(self, settings: dict) -> None:
        self.settings = settings

    def __enter__(self) -> None:
        self.before = connections.settings["default"]
        self._put(self.settings)

    def __exit__(self, *_: object) -> None:
        self._put(self.before)

    def _put(self, settings: dict) -> None:
        connections["default"].close()
        connections.settings["default"] = settings
        self.kept, kept = connections["default"], getattr(self, "kept", None)
        if kept is None:
            del connections["default"]
        else:
            connections["default"] = kept


def _execute(url: str, *statements: str) -> None:
    try:
        import psycopg
    except ImportError as error:
        raise OSError("psycopg is not installed") from error
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            for statement in statements:
                connection.execute(statement)
    except psycopg.OperationalError as error:
        raise OSError(str(error).strip()) from error
