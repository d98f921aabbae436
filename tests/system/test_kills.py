"""What a page says when processes are killed in mid-export."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil

from brokerless.exports.files.ownership import PREFIX
from tests.eventually import eventually
from tests.system.running_site import finished

if TYPE_CHECKING:
    from tests.system.running_site import RunningSite

SEEN_WITHIN = 2.0  # seconds


def freeze_in_mid_export(site: RunningSite, task_url: str) -> tuple[int, int]:
    """Stop the command once it has begun its file, so that it cannot end first; return both pids."""
    monitor_pid, command_pid = site.pids(task_url)
    eventually(site.leftovers, why="the command has begun its file")
    os.kill(command_pid, signal.SIGSTOP)
    assert [path for path in site.leftovers() if path.suffix == ".partial"]
    return monitor_pid, command_pid


def test_a_killed_command_is_failed_by_signal_9_and_leaves_no_file(site: RunningSite) -> None:
    visitor = site.visitor()
    task_url = site.ask_for_export(visitor)
    _, command_pid = freeze_in_mid_export(site, task_url)

    os.kill(command_pid, signal.SIGKILL)

    task = finished(visitor, task_url, within=SEEN_WITHIN)
    assert task["status"] == "FAILED"
    assert task["error"]["title"] == "The command was killed by signal 9 (SIGKILL)."
    assert "killed by signal 9 (SIGKILL)" in visitor.get(task_url).text
    assert not site.leftovers()
    # But for the stamp that says whose the storage is.
    assert all(path.name.startswith(PREFIX) for path in (site.directory / "exports").iterdir())


def test_a_killed_monitor_is_lost_by_signal_9_and_its_command_dies_with_it(site: RunningSite) -> None:
    visitor = site.visitor()
    task_url = site.ask_for_export(visitor)
    monitor_pid, command_pid = freeze_in_mid_export(site, task_url)

    os.kill(monitor_pid, signal.SIGKILL)

    task = finished(visitor, task_url, within=SEEN_WITHIN)
    assert task["status"] == "LOST"
    assert "was killed by signal 9 (SIGKILL)" in task["error"]["title"]
    assert "signal 9" in visitor.get(task_url).text
    eventually(lambda: not psutil.pid_exists(command_pid), why="the command is dead")
    eventually(lambda: not site.leftovers(), why="the temporary file is gone")


def test_a_killed_monitor_is_noticed_by_a_server_that_did_not_start_it(site: RunningSite) -> None:
    visitor = site.visitor()
    task_url = site.ask_for_export(visitor)
    monitor_pid, _ = freeze_in_mid_export(site, task_url)
    site.stop()
    os.kill(monitor_pid, signal.SIGKILL)
    site.start()

    task = finished(visitor, task_url, within=SEEN_WITHIN)

    assert task["status"] == "LOST"
    assert not site.leftovers()


def test_a_cancelled_export_leaves_no_file(site: RunningSite) -> None:
    visitor = site.visitor()
    task_url = site.ask_for_export(visitor)
    site.pids(task_url)

    assert visitor.post(f"{task_url}cancel", headers={"Accept": "application/json"}).status_code == 202

    task = finished(visitor, task_url)
    assert task["status"] == "CANCELLED"
    assert not site.leftovers()
    # The database's stamp, with a dot, may be there already.
    assert not list((site.directory / "exports").glob("[!.]*"))
    assert visitor.post(f"{task_url}cancel", headers={"Accept": "application/json"}).status_code == 409
