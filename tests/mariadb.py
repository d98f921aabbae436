"""A database on a MariaDB or MySQL server, made for one run of the suite."""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from uuid import uuid4

import environ
from django.db import connections

MARIADB_URL = os.environ.get("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/")


def create_database(url: str) -> str:
    """Create a database and return its name. Raises OSError when the server cannot be reached."""
    name = f"test_brokerless_{uuid4().hex}"
    _execute(url, f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    return name


def drop_database(url: str, name: str) -> None:
    _execute(url, f"DROP DATABASE `{name}`")


def settings_of(url: str, name: str) -> dict:
    """Return Django's settings for a database of the server."""
    given = environ.Env.db_url_config(urlsplit(url)._replace(path=f"/{name}").geturl())
    return connections.configure_settings({"default": given})["default"]


def _execute(url: str, statement: str) -> None:
    try:
        import pymysql
    except ImportError as error:
        raise OSError("PyMySQL is not installed") from error
    pymysql.install_as_MySQLdb()  # so that Django finds a driver that needs no compiler
    server = urlsplit(url)
    try:
        with pymysql.connect(
            host=server.hostname,
            port=server.port or 3306,
            user=server.username,
            password=server.password or "",
            connect_timeout=5,
        ) as connection:
            connection.cursor().execute(statement)
    except pymysql.MySQLError as error:
        raise OSError(str(error)) from error
