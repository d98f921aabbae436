"""uWSGI as the server, its threads not enabled: one process, with a master and without."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.eventually import eventually
from tests.requirements import require
from tests.system.running_site import JSON, ROOT, finished
from tests.system.wsgi_site import WsgiSite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What the tests are run with has it as a program of its environment; another one may be named.
UWSGI = os.environ.get("UWSGI") or shutil.which("uwsgi", path=Path(sys.executable).parent)
ALONE: tuple[object, ...] = ()
MASTER = ("--master", "--processes", 1)
# Ends the processes of tasks, and nothing else, before they know what they are.
EXIT_AT_START = """
import os, sys
if "BROKERLESS_TASK" in os.environ:
    print("no start today", flush=True)
    os._exit(3)
"""


@pytest.fixture
def serve(tmp_path: Path, filled_sqlite: Path) -> Iterator[Callable[..., WsgiSite]]:
    """Return a function that runs the site under uWSGI with these options."""
    require("uWSGI", UWSGI, remedy="install the extra `test`")
    sites: list[WsgiSite] = []

    def start(*options: object, **environment: str) -> WsgiSite:
        def words(site: WsgiSite) -> list[object]:
            place = ["--http-socket", f"127.0.0.1:{site.port}", "--chdir", ROOT, "--virtualenv", sys.prefix]
            # It closes every connection, and by itself does not say so.
            program = [
                "--module",
                "library.wsgi",
                "--need-app",
                "--die-on-term",
                "--add-header",
                "Connection: close",
            ]
            return [UWSGI, *place, *program, *options]

        sites.append(WsgiSite(tmp_path, filled_sqlite, words, **environment))
        sites[-1].start()
        return sites[-1]

    yield start
    for site in sites:
        site.end()


@pytest.mark.parametrize(
    "options", [pytest.param(ALONE, marks=pytest.mark.proof), MASTER], ids=["alone", "master"]
)
def test_a_task_runs_and_leaves_no_zombie_behind_the_next_request(
    serve: Callable[..., WsgiSite], options: tuple[object, ...]
) -> None:
    site = serve(*options)
    visitor = site.visitor()

    task_url = site.ask_for_export(visitor, language="rus")
    task = finished(visitor, task_url)

    assert task["status"] == "SUCCESSFUL", task
    eventually(lambda: not site.task_processes(), why="the processes of the task have ended")
    visitor.get(task_url)
    assert not site.zombies()


@pytest.mark.parametrize(
    "options", [pytest.param(ALONE, marks=pytest.mark.proof), MASTER], ids=["alone", "master"]
)
def test_a_task_outlives_a_stop_and_never_holds_the_port(
    serve: Callable[..., WsgiSite], options: tuple[object, ...]
) -> None:
    site = serve(*options)
    visitor = site.visitor()
    task_url, monitor_pid, command_pid = site.hold_in_mid_export(visitor)
    site.assert_no_task_holds_the_port()

    site.stop()

    assert not site.server_processes()
    site.assert_port_is_free()
    assert {monitor_pid, command_pid} <= {process.pid for process in site.task_processes()}
    site.start()
    site.let_go()
    assert finished(visitor, task_url)["status"] == "SUCCESSFUL"


@pytest.mark.proof
def test_a_task_outlives_a_reload_of_its_worker(serve: Callable[..., WsgiSite], tmp_path: Path) -> None:
    touched = tmp_path / "touch-to-reload"
    touched.touch()
    site = serve(*MASTER, "--lazy-apps", "--touch-workers-reload", touched)
    visitor = site.visitor()
    task_url, _, _ = site.hold_in_mid_export(visitor)
    workers = site.pids_of_workers()

    later = touched.stat().st_mtime + 10  # uWSGI compares whole seconds
    os.utime(touched, (later, later))

    site.await_other_workers(workers)
    site.assert_no_task_holds_the_port()
    site.let_go()
    assert finished(visitor, task_url)["status"] == "SUCCESSFUL"


@pytest.mark.proof
def test_a_task_outlives_the_killed_worker_that_launched_it(serve: Callable[..., WsgiSite]) -> None:
    site = serve(*MASTER)
    visitor = site.visitor()
    task_url, monitor_pid, _ = site.hold_in_mid_export(visitor)
    workers = site.pids_of_workers()

    os.kill(psutil.Process(monitor_pid).ppid(), signal.SIGKILL)

    site.await_other_workers(workers)
    site.assert_no_task_holds_the_port()
    site.let_go()
    assert finished(visitor, task_url)["status"] == "SUCCESSFUL"


@pytest.mark.parametrize(
    "options", [pytest.param(ALONE, marks=pytest.mark.proof), MASTER], ids=["alone", "master"]
)
def test_a_process_that_exits_before_it_adopts_is_told_and_collected(
    serve: Callable[..., WsgiSite], tmp_path: Path, options: tuple[object, ...]
) -> None:
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(EXIT_AT_START)
    site = serve(*options, PYTHONPATH=str(hook))
    visitor = site.visitor()

    task = finished(visitor, site.ask_for_export(visitor))

    assert task["status"] == "FAILED"
    assert task["exit_code"] == 3
    assert task["error"]["title"] == "The process exited with code 3 before the command started."
    assert "no start today" in task["error"]["detail"]
    assert not site.zombies()


def test_the_next_task_starts_when_the_first_one_has_ended(serve: Callable[..., WsgiSite]) -> None:
    site = serve(*ALONE, MAX_PROCESSES="1")
    visitor = site.visitor()
    first, _, _ = site.hold_in_mid_export(visitor)
    second = site.ask_for_export(visitor, language="rus")
    assert visitor.get(second, headers=JSON).json()["status"] == "READY"

    site.let_go()

    for task_url in (first, second):
        assert finished(visitor, task_url)["status"] == "SUCCESSFUL"
