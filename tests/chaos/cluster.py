"""A PostgreSQL server of one's own, in a temporary directory, to be killed and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

PLACES = "/usr/lib/postgresql"  # Debian's, by version
USERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root
STARTING_TIME = 60  # seconds
# Nothing here has to survive the machine, and the processes are what is killed.
OPTIONS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200"


class ProgramsMissing(Exception):  # noqa: N818 - reads as what it says
    """There is no initdb or pg_ctl on this machine."""


class Cluster:
    """A private server with one empty database; `url` says where it is."""

    def __init__(self) -> None:
        self._programs = _programs()
        # As it is now: what a run adds for its processes is not for the server.
        self._environment = dict(os.environ)
        self._user = next(filter(_exists, USERS)) if os.geteuid() == 0 else None
        self._directory = Path(tempfile.mkdtemp(prefix="chaos-postgresql-"))
        self._data = self._directory / "data"
        self._port = _free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self._port}/postgres"
        if self._user:
            shutil.chown(self._directory, self._user)

    def start(self) -> None:
        """Make the cluster and start its server. Raises RuntimeError with what its programs said."""
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C")
        self.resume()

    def resume(self) -> None:
        options = f"-p {self._port} {OPTIONS}"
        self._run("pg_ctl", "start", "-w", f"--timeout={STARTING_TIME}", "-o", options, "-l", self.log)

    def crash(self) -> None:
        """Kill the server as a crash does, and leave it so."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def crash_and_recover(self) -> None:
        self._run("pg_ctl", "restart", "-w", f"--timeout={STARTING_TIME}", "-m", "immediate", "-l", self.log)

    def remove(self) -> None:
        with suppress(RuntimeError):
            self.crash()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def log(self) -> str:
        return str(self._directory / "log")

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, "-D", self._data, *words],
            cwd=self._directory,
            user=self._user,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # The server must not keep the pipe: its own output goes to its log.
            text=True,
            check=False,
            timeout=2 * STARTING_TIME,
        )
        if done.returncode:
            raise RuntimeError(f"{program} exited with {done.returncode}: {done.stdout}")


def _programs() -> Path:
    """Return the directory of the newest server's programs. Raises ProgramsMissing."""
    places = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    places += sorted(Path(PLACES).glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        places.append(Path(said.stdout.strip()))
    for place in places:
        if (place / "initdb").exists() and (place / "pg_ctl").exists():
            return place
    raise ProgramsMissing("initdb and pg_ctl are not on this machine; on Debian: apt-get install postgresql")


def _exists(user: str) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwnam(user))
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]
