"""The database goes away, under running tasks and under their ends, and comes back."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest
from django.db import OperationalError, connection, connections

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left, effects
from tests.real_processes import is_alive

Status = TaskState.Status
OUTAGE = 20.0  # seconds; a monitor tries to write its end for 30
LONGER_THAN_A_STATEMENT_WAITS = 4.0  # seconds; see brokerless.patience


def test_a_database_that_is_away_for_20_seconds_changes_no_end(private_server, processes):
    """One task asks for its lease meanwhile, one ends, one is killed, one does nothing of it all."""
    waiting = processes.launch_and_await_word("return_at_word")
    working = launch_in(processes, "working", "work_at_word")
    ending = launch_in(processes, "ending", "return_at_word")
    dying = launch_in(processes, "dying", "return_at_word")
    private_server.crash()
    gone = time.monotonic()
    connections.close_all()
    with pytest.raises(OperationalError):
        connection.ensure_connection()

    for name in ("working", "ending"):
        processes.say(f"{name}/go")
    processes.kill(dying.command_pid)
    for task in (ending, dying):
        eventually(lambda task=task: not is_alive(task, "command"), why="the command has ended")
    while time.monotonic() - gone < OUTAGE:
        assert all(is_alive(task, "monitor") for task in (waiting, working, ending, dying))
        assert all(is_alive(task, "command") for task in (waiting, working))
        assert ledger_of(processes, "working") == ["begun 1"], "without its lease it has no effect"
        time.sleep(0.1)
    private_server.resume()
    connections.close_all()

    processes.say()
    assert_ended_as(processes.await_end(ending), Status.SUCCESSFUL)
    assert_ended_as(processes.await_end(dying), Status.FAILED, "The command was killed by signal 9 (SIGKILL).")
    assert_ended_as(processes.await_end(working), Status.SUCCESSFUL)
    assert_ended_as(processes.await_end(waiting), Status.SUCCESSFUL)
    assert ledger_of(processes, "working") == ["begun 1", "done 1"]
    for task in (waiting, working, ending, dying):
        assert (processes.read(task).lease, processes.read(task).attempt) == (1, 1)
        assert_nothing_is_left(processes, task)


def test_a_database_that_is_away_at_the_start_is_waited_for(private_server, processes):
    """Between the spawn and the adoption; the launching process cannot look either."""
    hold = f'while [ ! -e "{processes.words}/spawned" ]; do sleep 0.01; done; exec "$@"'
    processes.configure(PREFIX=["sh", "-c", hold, "sh"])
    task = processes.launch("work_at_word")
    private_server.crash()
    connections.close_all()
    processes.say("spawned")
    eventually(lambda: has_parted(processes), why="the process has set Django up, and wants its task")
    private_server.resume()
    connections.close_all()
    processes.await_word("started", task)
    processes.say()
    assert_ended_as(processes.await_end(task), Status.SUCCESSFUL)
    assert effects(processes) == ["begun 1", "done 1"]
    assert_nothing_is_left(processes, processes.read(task))


@pytest.mark.parametrize("ends", ["well", "killed"])
def test_an_end_on_sqlite_waits_for_somebody_else_s_lock(processes, ends):
    task = processes.launch_and_await_word("return_at_word")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        locked = time.monotonic()
        if ends == "well":
            processes.say()
        else:
            processes.kill(task.command_pid)
        eventually(lambda: not is_alive(task, "command"), why="the command has ended")
        while time.monotonic() - locked < LONGER_THAN_A_STATEMENT_WAITS:
            assert processes.read(task).status == Status.RUNNING
            assert is_alive(task, "monitor")
            time.sleep(0.1)
        other.execute("ROLLBACK")
    ended = processes.await_end(task, look=False)
    assert_ended_as(ended, Status.SUCCESSFUL if ends == "well" else Status.FAILED)
    assert_nothing_is_left(processes, ended)


def launch_in(processes, name, action):
    """Launch a probe with a directory of its own, and return its row once it has started."""
    directory = processes.words / name
    directory.mkdir()
    task = processes.launch(action, options={"directory": str(directory)})
    processes.await_word(f"{name}/started", task)
    return processes.read(task)


def ledger_of(processes, name):
    return (processes.words / name / "ledger").read_text().splitlines()


def has_parted(processes):
    """Tell whether there is a monitor with a command process: both are called by the name of the command."""
    return (
        sum(process.cmdline()[-1:] == ["probe"] and "python" in process.name() for process in processes.living())
        == 2
    )
