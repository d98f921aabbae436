"""Streams of real servers: from a launch to its end, behind nginx, and when the server is stopped."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.eventually import eventually
from tests.requirements import require
from tests.system.nginx import Nginx
from tests.system.running_site import JSON, RunningSite, finished
from tests.system.streams import STREAM, OpenStream, Stalled
from tests.system.wsgi_site import WsgiSite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

STOPS_WITHIN = 2.0  # seconds; uvicorn itself takes 0.2 s
LOST_WITHIN = 3.0  # seconds; the budget is 2, on a machine that does nothing else
CUT_WITHIN = 5.0  # seconds; of which the stream's time is one, and its grace another
MANY = 50
# The package uvicorn-worker has the same class, of which uvicorn's own is deprecated.
WORKER = "uvicorn_worker.UvicornWorker"
OLD_WORKER = "uvicorn.workers.UvicornWorker"


def database_connections(site: RunningSite) -> int:
    """Return how many connections others have to the site's PostgreSQL database."""
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return site.query(statement)[0][0]


def test_on_sqlite_a_task_is_followed_from_its_launch_to_its_end_whatever_that_is(
    new_site: Callable[..., RunningSite],
) -> None:
    follow_tasks(new_site())


@pytest.mark.parametrize("empty_site", ["postgresql"], indirect=True)
def test_on_postgresql_it_is_too_and_the_watcher_s_is_the_only_connection(empty_site: RunningSite) -> None:
    follow_tasks(empty_site)


def follow_tasks(site: RunningSite) -> None:
    # The harder case: the view's connection is a transaction's, too.
    site.environment["ATOMIC_REQUESTS"] = "1"
    site.start()
    visitor = site.visitor()
    with OpenStream(visitor, f"{site.url}/tasks/events?notices=1") as hints:
        eventually(lambda: hints.events)
        follow_to_the_end(visitor, generate(site, visitor, 10))
        hear_of_a_killed_monitor(site, visitor, hints)
        if not site.database_url.startswith("sqlite"):
            eventually(lambda: database_connections(site) == 1, why="the watcher's is the only connection")


def follow_to_the_end(visitor: requests.Session, task_url: str) -> None:
    stream = OpenStream(visitor, f"{task_url}events")
    eventually(lambda: stream.has_ended, why="the stream ends with the task")
    last = stream.events[-1]
    assert last["data"]["status"] == "SUCCESSFUL"
    assert last["data"] == visitor.get(task_url, headers=JSON).json()
    assert last["data"]["links"]["events"] in f"{task_url}events"
    again = visitor.get(f"{task_url}events", headers=STREAM | {"Last-Event-ID": last["id"]})
    assert again.status_code == 204


def hear_of_a_killed_monitor(site: RunningSite, visitor: requests.Session, hints: OpenStream) -> None:
    """Kill a task's monitor, and nobody polls."""
    task_url = generate(site, visitor, 1_000_000)
    monitor_pid, _ = site.pids(task_url)
    with OpenStream(visitor, f"{task_url}events") as stream:
        eventually(lambda: stream.events)
        hints.events.clear()
        os.kill(monitor_pid, signal.SIGKILL)
        eventually(lambda: stream.statuses[-1] == "LOST", within=LOST_WITHIN)
        eventually(lambda: hints.events, within=1)
    assert hints.events[0]["data"] == {"topics": ["notices"]}


def test_clients_that_go_away_leave_nothing_behind_and_at_ctrl_c_the_others_end(site: RunningSite) -> None:
    visitor = site.visitor()
    server = psutil.Process(site._server.pid)
    with OpenStream(visitor, f"{site.url}/tasks/events?notices=1") as one:
        eventually(lambda: one.events)
        files, threads = server.num_fds() + MANY // 10, server.num_threads() + MANY // 10
        for _ in range(MANY):
            OpenStream(visitor, f"{site.url}/tasks/events?notices=1").close()
        eventually(lambda: server.num_fds() <= files and server.num_threads() <= threads, why="all is as before")
        assert not one.has_ended

    stalled = Stalled(site, visitor)
    assert_stops_at_once(site, lambda: interrupt(site))
    stalled.close()


def test_a_client_that_does_not_read_is_cut_off_when_its_time_is_over(tmp_path: Path, filled_sqlite: Path) -> None:
    def words(site: WsgiSite) -> list[object]:
        return [sys.executable, "-m", "uvicorn", "tests.probes.short_streams:application", "--port", site.port]

    site = WsgiSite(tmp_path, filled_sqlite, words)
    try:
        site.start()
        stalled = Stalled(site, site.visitor())
        server = psutil.Process(site._server.pid)
        assert stalled.is_in(server)
        eventually(lambda: not stalled.is_in(server), within=CUT_WITHIN)
        stalled.close()
        assert_stops_at_once(site, site.stop)
    finally:
        site.end()


def test_gunicorns_workers_of_uvicorn_stop_at_once_with_streams_open(tmp_path: Path, filled_sqlite: Path) -> None:
    require("gunicorn", importlib.util.find_spec("gunicorn"), remedy="install the extra `test`")
    worker = WORKER if importlib.util.find_spec("uvicorn_worker") else OLD_WORKER

    def words(site: WsgiSite) -> list[object]:
        gunicorn = [sys.executable, "-m", "gunicorn", "library.asgi:application", "--worker-class", worker]
        return [*gunicorn, "--bind", f"127.0.0.1:{site.port}", "--workers", 2, "--preload"]

    site = WsgiSite(tmp_path, filled_sqlite, words, HOME=str(tmp_path))
    try:
        site.start()
        assert_stops_at_once(site, site.stop)
    finally:
        site.end()


def test_behind_nginx_as_it_is_configured_by_default_every_frame_comes_at_once(
    site: RunningSite, tmp_path: Path
) -> None:
    visitor = site.visitor()
    nginx = Nginx(tmp_path / "nginx", site)
    nginx.start()
    try:
        task_url = site.ask_for_export(visitor)
        begun = time.monotonic()
        through = task_url.replace(site.url, nginx.url)
        with OpenStream(visitor, f"{through}events", **{"Accept-Encoding": "gzip"}) as stream:
            assert stream.response.headers["Server"].startswith("nginx")
            eventually(lambda: stream.events)
            assert stream.events[0]["at"] - begun < 1
            finished(visitor, task_url)
            eventually(lambda: "SUCCESSFUL" in stream.statuses, within=2)
    finally:
        nginx.stop()


def test_under_wsgi_there_are_no_streams(tmp_path: Path, filled_sqlite: Path) -> None:
    def words(site: WsgiSite) -> list[object]:
        return [sys.executable, "-m", "gunicorn", "library.wsgi", "--bind", f"127.0.0.1:{site.port}"]

    site = WsgiSite(tmp_path, filled_sqlite, words, HOME=str(tmp_path))
    try:
        site.start()
        visitor = site.visitor()
        task_url = generate(site, visitor, 1)
        assert visitor.get(f"{task_url}events", headers=STREAM).status_code == 404
        assert "events" not in finished(visitor, task_url)["links"]
    finally:
        site.end()


def assert_stops_at_once(site: RunningSite, stop: Callable[[], None]) -> None:
    visitor = site.visitor()
    streams = [OpenStream(visitor, f"{site.url}/tasks/events?notices=1") for _ in range(5)]
    eventually(lambda: all(stream.events for stream in streams), why="all streams are open")
    begun = time.monotonic()
    stop()
    assert time.monotonic() - begun < STOPS_WITHIN
    eventually(lambda: all(stream.has_ended for stream in streams))


def interrupt(site: RunningSite) -> None:
    """Stop the server as Ctrl-C does."""
    site._server.send_signal(signal.SIGINT)
    site._server.wait(20)
    site._server = None


def generate(site: RunningSite, visitor: requests.Session, count: int) -> str:
    """Ask for books to be made up, and return the address of the task."""
    answer = visitor.post(f"{site.url}/books/generate/", data={"count": count}, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return site.url + answer.headers["Location"]
