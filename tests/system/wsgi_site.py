"""The example site under a WSGI server, and what a test asks of one: whose the port is, who is a zombie."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

from brokerless.processes import TASK_VARIABLE
from tests.eventually import eventually
from tests.system.running_site import ROOT, RunningSite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import requests

GOES_WITHIN = 30  # seconds; both servers wait for their workers


class WsgiSite(RunningSite):
    """The example site, served by the program that `words` makes of its directory and port."""

    def __init__(
        self,
        directory: Path,
        database: Path,
        words: Callable[[WsgiSite], Sequence[object]],
        **environment: str,
    ) -> None:
        copy = directory / "db.sqlite3"
        copy.write_bytes(database.read_bytes())
        super().__init__(directory, f"sqlite:///{copy}", **environment)
        self._words = words
        self._held: list[int] = []

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.directory / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [*map(str, self._words(self))], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        eventually(self._answers, why="the server answers")

    def end(self) -> None:
        """Let what is held go on, stop the server, and kill whatever task still runs."""
        for pid in self._held:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        super().end()
        for process in self.server_processes():
            process.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server's first process."""
        self._server.send_signal(number)

    def pids_of_workers(self) -> set[int]:
        """Return the pids below the server's first process that belong to no task."""
        return {process.pid for process in self.server_processes()} - {self._server.pid}

    def await_other_workers(self, before: set[int]) -> None:
        """Return when no worker of `before` is left and the site answers again."""
        eventually(
            lambda: self.pids_of_workers() and not before & self.pids_of_workers(),
            within=GOES_WITHIN,
            why="the workers are others",
        )
        eventually(self._answers, why="the server answers")

    def server_processes(self) -> list[psutil.Process]:
        return [process for process in self._all_processes() if TASK_VARIABLE not in environment(process)]

    def task_processes(self) -> list[psutil.Process]:
        return [process for process in self._all_processes() if TASK_VARIABLE in environment(process)]

    def zombies(self) -> list[psutil.Process]:
        """Return the children of the server, and theirs, that have ended and that nobody has collected."""
        below = psutil.Process(self._server.pid).children(recursive=True)
        return [process for process in below if status(process) == psutil.STATUS_ZOMBIE]

    def hold_in_mid_export(self, visitor: requests.Session) -> tuple[str, int, int]:
        """Ask for an export, and stop its command once it writes; return the task's address and both pids."""
        task_url = self.ask_for_export(visitor)
        monitor_pid, command_pid = self.pids(task_url)
        eventually(self.leftovers, why="the command has begun its file")
        os.kill(command_pid, signal.SIGSTOP)
        self._held.append(command_pid)
        assert self.leftovers()
        return task_url, monitor_pid, command_pid

    def let_go(self) -> None:
        """Let the held commands go on."""
        while self._held:
            os.kill(self._held.pop(), signal.SIGCONT)

    def row(self, task_url: str) -> dict[str, Any]:
        """Return what the row of a task says, without asking the server."""
        names = ("status", "error_title", "exit_code", "exit_signal")
        key = task_url.rstrip("/").rpartition("/")[2].replace("-", "")
        statement = f"SELECT {', '.join(names)} FROM brokerless_taskstate WHERE id = ?"
        return dict(zip(names, self.query(statement, key)[0], strict=True))

    def assert_no_task_holds_the_port(self) -> None:
        """Fail if a process of a task has a socket of the server: the listening one, or a visitor's."""
        processes = self.task_processes()
        assert processes, "no task runs"
        for process in processes:
            connections = process.net_connections(kind="inet")
            assert self.port not in {connection.laddr.port for connection in connections}, process
            assert not inherited_sockets(process) & self._sockets_of_server(), process

    def assert_port_is_free(self) -> None:
        """Fail if the port of the stopped server cannot be listened on."""
        with socket.socket() as probe:
            # A visitor's connection that was closed just now does not count; a listener does, all the same.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", self.port))
            probe.listen()

    def _sockets_of_server(self) -> set[str]:
        return set().union(*map(inherited_sockets, self.server_processes()))

    def _all_processes(self) -> list[psutil.Process]:
        mark = self.environment["RUNTIME_DIR"]
        return [process for process in psutil.process_iter() if environment(process).get("RUNTIME_DIR") == mark]


def environment(process: psutil.Process) -> dict[str, str]:
    """Return the environment that a process was started with; nothing if it is gone, or a zombie."""
    with suppress(psutil.Error, OSError):
        return process.environ()
    return {}


def status(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return process.status()
    return ""


def inherited_sockets(process: psutil.Process) -> set[str]:
    """Return the sockets that a process has open, of whatever family, by their inodes."""
    found = set()
    with suppress(OSError):
        for name in os.listdir(f"/proc/{process.pid}/fd"):  # noqa: PTH208
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{process.pid}/fd/{name}"))  # noqa: PTH115
    return {target for target in found if target.startswith("socket:")}
