"""A whole example site in a directory of its own: its database, its files, its server, its visitors."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests

from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
MANAGE_PY = ROOT / "manage.py"
JSON = {"Accept": "application/json"}
USER, PASSWORD = "ann", "a password of ann"
# Gives the account of the tests; run by `manage.py shell`.
CREATE_USER = f"""
from django.contrib.auth.models import Permission, User
user = User.objects.create_user({USER!r}, "ann@example.org", {PASSWORD!r})
user.user_permissions.set(Permission.objects.filter(codename__in=["view_book", "generate_book"]))
User.objects.create_user("bob", "bob@example.org", {PASSWORD!r})
"""


class RunningSite:
    """The example site with everything that it writes in `directory`."""

    def __init__(self, directory: Path, database_url: str, **environment: str) -> None:
        self.directory = directory
        self.database_url = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "library.settings",
            "DATABASE_URL": database_url,
            "RUNTIME_DIR": str(directory / "runtime"),
            "EXPORTS_DIR": str(directory / "exports"),
            "EMAIL_FILE_PATH": str(directory / "mail"),
            "BASE_URL": self.url,
            "MAX_PROCESSES": "4",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        self._server: subprocess.Popen[bytes] | None = None

    def manage(self, *words: object, **keywords: Any) -> subprocess.CompletedProcess:
        """Run a command of manage.py from another directory and return its output as text."""
        keywords = {"text": True, "cwd": self.directory, "timeout": 120, "env": self.environment} | keywords
        return subprocess.run(
            [sys.executable, MANAGE_PY, *map(str, words)], capture_output=True, check=False, **keywords
        )

    def manage_well(self, *words: object) -> str:
        """Run a command that has to succeed and return its standard output."""
        done = self.manage(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def prepare(self) -> None:
        """Make the tables and the accounts."""
        self.manage_well("migrate", "--verbosity", 0)
        self.manage_well("shell", "--command", CREATE_USER)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.directory / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "library.asgi:application", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, why="the server answers")

    def stop(self) -> None:
        """Stop the server as a service manager does, and wait until its port is free."""
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            self._server.wait(20)
            self._server = None

    def end(self) -> None:
        """Stop the server and kill whatever task still runs."""
        self.stop()
        for process in self.task_processes():
            process.kill()
        eventually(lambda: not self.task_processes(), why="no process of the site is left")

    def visitor(self, name: str = USER) -> requests.Session:
        """Return the session of somebody who has logged in."""
        session = requests.Session()
        session.get(f"{self.url}/login/")
        fields = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        answer = session.post(f"{self.url}/login/", data=fields, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        session.headers["X-CSRFToken"] = session.cookies["csrftoken"]
        return session

    def ask_for_export(self, visitor: requests.Session, **filters: Any) -> str:
        """Ask for an export as a program does, and return the address of its task."""
        answer = visitor.post(f"{self.url}/exports/books/", json=filters, headers=JSON)
        assert answer.status_code == 202, answer.text
        return self.url + answer.headers["Location"]

    def query(self, statement: str, *values: object) -> list[tuple]:
        """Read rows from the site's database."""
        if self.database_url.startswith("sqlite"):
            import sqlite3
            from contextlib import closing

            with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=20)) as connection:
                return connection.execute(statement, values).fetchall()
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.replace("?", "%s"), values).fetchall()

    def pids(self, task_url: str) -> tuple[int, int]:
        """Return the pids of a running task's monitor and command process."""
        task_id = re.search(r"[0-9a-f-]{36}", task_url)[0]
        key = task_id.replace("-", "") if self.database_url.startswith("sqlite") else task_id
        statement = "SELECT monitor_pid, command_pid FROM brokerless_taskstate WHERE id = ? AND status = 'RUNNING'"
        return eventually(lambda: self.query(statement, key), why="the task runs")[0]

    def task_processes(self) -> list[psutil.Process]:
        """Return the processes of this site's tasks that run."""
        return [process for process in psutil.process_iter() if self._is_own(process)]

    def leftovers(self) -> list[Path]:
        """Return the temporary files that are there."""
        return [*self.directory.rglob("*.partial"), *self.directory.rglob("*.temporary")]

    def _is_own(self, process: psutil.Process) -> bool:
        try:
            own = process.environ().get("RUNTIME_DIR") == self.environment["RUNTIME_DIR"]
            return own and process.pid != getattr(self._server, "pid", None)
        except (psutil.Error, OSError):
            return False

    def _answers(self) -> bool:
        assert self._server.poll() is None, (self.directory / "server.log").read_text()
        try:
            return requests.get(f"{self.url}/login/", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False


def finished(visitor: requests.Session, task_url: str, *, within: float = 60) -> dict[str, Any]:
    """Return a task's JSON once it is finished, asking as its page does."""

    def ask() -> dict[str, Any] | None:
        task = visitor.get(task_url, headers=JSON).json()
        return task if task["finished_at"] else None

    return eventually(ask, within=within, why="the task is finished")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
