"""gunicorn as the server: reloads, restarts and killed workers while tasks run."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.eventually import eventually
from tests.requirements import require
from tests.system.running_site import finished
from tests.system.wsgi_site import WsgiSite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SYNC = ("--workers", 2)
THREADS = ("--workers", 2, "--threads", 4)


@pytest.fixture
def serve(tmp_path: Path, filled_sqlite: Path) -> Iterator[Callable[..., WsgiSite]]:
    """Return a function that runs the site under gunicorn with these options."""
    require("gunicorn", importlib.util.find_spec("gunicorn"), remedy="install the extra `test`")
    sites: list[WsgiSite] = []

    def start(*options: object) -> WsgiSite:
        def words(site: WsgiSite) -> list[object]:
            gunicorn = [sys.executable, "-m", "gunicorn", "library.wsgi", "--bind", f"127.0.0.1:{site.port}"]
            return [*gunicorn, "--graceful-timeout", 5, *options]

        # Of late it leaves a control socket in the home directory.
        sites.append(WsgiSite(tmp_path, filled_sqlite, words, HOME=str(tmp_path)))
        sites[-1].start()
        return sites[-1]

    yield start
    for site in sites:
        site.end()


def worker_above(pid: int) -> int:
    """Return the pid of the parent of a task's monitor."""
    return psutil.Process(pid).ppid()


@pytest.mark.parametrize(
    "options", [SYNC, pytest.param(THREADS, marks=pytest.mark.proof)], ids=["sync", "threads"]
)
def test_a_task_outlives_a_reload_and_a_restart_and_never_holds_the_port(
    serve: Callable[..., WsgiSite], options: tuple[object, ...]
) -> None:
    site = serve(*options)
    visitor = site.visitor()
    task_url, monitor_pid, command_pid = site.hold_in_mid_export(visitor)
    site.assert_no_task_holds_the_port()

    workers = site.pids_of_workers()
    assert worker_above(monitor_pid) in workers
    site.signal(signal.SIGHUP)
    site.await_other_workers(workers)
    site.assert_no_task_holds_the_port()
    assert visitor.get(task_url).status_code == 200

    site.stop()
    site.assert_port_is_free()
    assert {monitor_pid, command_pid} <= {process.pid for process in site.task_processes()}
    assert not site.server_processes()
    site.start()
    site.assert_no_task_holds_the_port()
    site.let_go()

    assert finished(visitor, task_url)["status"] == "SUCCESSFUL"
    eventually(lambda: not site.task_processes(), why="the processes of the task are gone")


def test_a_task_ends_well_while_there_is_no_server(serve: Callable[..., WsgiSite]) -> None:
    site = serve(*SYNC)
    task_url, _, _ = site.hold_in_mid_export(site.visitor())
    site.stop()

    site.let_go()

    eventually(lambda: not site.task_processes(), why="the monitor has ended")
    assert site.row(task_url)["status"] == "SUCCESSFUL"


def test_a_quick_stop_of_the_server_is_none_of_the_task(serve: Callable[..., WsgiSite]) -> None:
    site = serve(*SYNC)
    task_url, _, _ = site.hold_in_mid_export(site.visitor())

    site.signal(signal.SIGINT)  # gunicorn's quick shutdown; Ctrl-C in a terminal
    eventually(lambda: not site.server_processes(), why="the server has ended")
    site.assert_port_is_free()
    site.stop()
    site.start()
    site.let_go()

    assert finished(site.visitor(), task_url)["status"] == "SUCCESSFUL"


@pytest.mark.parametrize(
    "options", [SYNC, pytest.param(THREADS, marks=pytest.mark.proof)], ids=["sync", "threads"]
)
def test_a_task_outlives_the_killed_worker_that_launched_it(
    serve: Callable[..., WsgiSite], options: tuple[object, ...]
) -> None:
    site = serve(*options)
    visitor = site.visitor()
    task_url, monitor_pid, _ = site.hold_in_mid_export(visitor)

    os.kill(worker_above(monitor_pid), signal.SIGKILL)

    eventually(lambda: len(site.pids_of_workers()) == SYNC[1], why="there is another worker")
    site.assert_no_task_holds_the_port()
    site.let_go()
    assert finished(visitor, task_url)["status"] == "SUCCESSFUL"


def test_tasks_outlive_workers_that_are_recycled_after_every_request(serve: Callable[..., WsgiSite]) -> None:
    site = serve(*SYNC, "--max-requests", 1)
    visitor = site.visitor()
    workers = site.pids_of_workers()

    task_urls = [site.ask_for_export(visitor, language="rus") for _ in range(3)]
    held, _, _ = site.hold_in_mid_export(visitor)
    for _ in range(6):
        visitor.get(held)
    site.await_other_workers(workers)
    site.let_go()

    for task_url in [*task_urls, held]:
        assert finished(visitor, task_url)["status"] == "SUCCESSFUL"
    eventually(lambda: not site.zombies(), why="nobody stays a zombie")
