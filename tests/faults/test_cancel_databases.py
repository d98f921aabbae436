"""Cancelling a command that is in a statement of PostgreSQL, in a COPY, or holds SQLite's lock."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left

Status = TaskState.Status
GRACE = 1.0  # seconds
STOPPED_WITHIN = GRACE + 4.0
# A cancel by whom SQLite locks out: it waits for the lock for a second, then goes another way.
ASKED_WITHIN = 3.0
STATEMENT_GONE_WITHIN = 5.0


@pytest.fixture
def ann(transactional_db, django_user_model):
    return django_user_model.objects.create_user("ann")


def states_of(backend):
    """Return what a server process does; nothing if it is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [int(backend)])
        return [state for (state,) in cursor.fetchall()]


def start_in_statement(processes, *words):
    """Launch a probe that waits in a statement, and return its row and the server's process."""
    task = processes.launch(*words)
    backend = processes.await_word("backend", task)
    eventually(lambda: states_of(backend) == ["active"], why="the statement runs")
    return processes.read(task), backend


@pytest.mark.parametrize("action", ["sleep_in_the_database", "copy_for_ever"])
def test_a_statement_is_ended_with_its_command_which_cleans_up(postgres, processes, ann, action):
    task, backend = start_in_statement(processes, action)
    task.cancel(by=ann)
    ended = processes.await_end(task, within=STOPPED_WITHIN, look=False)
    assert_ended_as(ended, Status.CANCELLED)
    assert (ended.cancel_requested_by_id, ended.exit_signal) == (ann.pk, None)
    assert processes.has_heard("cleaned")
    eventually(lambda: not states_of(backend), within=STATEMENT_GONE_WITHIN, why="the statement is gone")
    assert_nothing_is_left(processes, ended)


def test_a_copy_whose_command_is_killed_ends_at_the_server(postgres, processes):
    """The server notices when it can send no more."""
    task, backend = start_in_statement(processes, "copy_for_ever")
    processes.kill(task.command_pid)
    ended = processes.await_end(task, within=1.0, look=False)
    assert_ended_as(ended, Status.FAILED, "The command was killed by signal 9 (SIGKILL).")
    eventually(lambda: not states_of(backend), within=STATEMENT_GONE_WITHIN, why="the statement is gone")


@pytest.fixture
def _looks_after_clients(postgres):
    """Have the server look every second whether its clients are still there."""
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET client_connection_check_interval = '1s'")
        yield
        cursor.execute(f"ALTER DATABASE {name} RESET client_connection_check_interval")


@pytest.mark.usefixtures("_looks_after_clients")
def test_a_deaf_command_in_a_statement_is_killed_and_the_statement_ends_with_it(processes):
    processes.configure(CANCEL_GRACE=GRACE)
    task, backend = start_in_statement(processes, "sleep_in_the_database", "deaf")
    task.cancel()
    ended = processes.await_end(task, within=STOPPED_WITHIN, look=False)
    assert_ended_as(ended, Status.CANCELLED)
    assert ended.exit_signal == 9
    eventually(lambda: not states_of(backend), within=STATEMENT_GONE_WITHIN, why="the statement is gone")
    assert_nothing_is_left(processes, ended)


@pytest.mark.parametrize("where", ["python", "c"])
def test_a_command_that_holds_sqlite_s_lock_hears_of_it_all_the_same(processes, ann, where):
    """Nobody can write the row, so that the request goes through a file; who asked is known in the end."""
    processes.configure(CANCEL_GRACE=GRACE)
    task = processes.launch_and_await_word("hold_sqlite_s_lock", where)
    asked = time.monotonic()
    assert task.cancel(by=ann)
    assert time.monotonic() - asked < ASKED_WITHIN
    assert task.is_cancelling
    assert task.cancel_requested_by == ann
    ended = processes.await_end(task, within=STOPPED_WITHIN, look=False)
    assert_ended_as(ended, Status.CANCELLED)
    assert (ended.error_title, ended.cancel_requested_by) == ("", ann)
    assert ended.cancel_requested_at <= ended.finished_at
    if where == "python":
        assert processes.has_heard("cleaned")
    assert_nothing_is_left(processes, ended)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_page_of_a_command_that_holds_sqlite_s_lock_can_cancel_it(processes, ann, accept):
    client = Client(headers={"accept": accept})
    client.force_login(ann)
    task = processes.launch_and_await_word("hold_sqlite_s_lock", owner=ann)
    response = client.post(f"/tasks/{task.pk}/cancel")
    assert response.status_code == (202 if "json" in accept else 303)
    ended = processes.await_end(task, within=STOPPED_WITHIN, look=False)
    assert_ended_as(ended, Status.CANCELLED)
    assert ended.cancel_requested_by == ann
    assert_nothing_is_left(processes, ended)


def test_a_waiting_task_is_cancelled_after_somebody_else_s_short_lock(processes, ann):
    """Longer than a page waits before it takes another way, for which there is nobody here to hear it."""
    waiting = processes.launch("succeed", run_after=timezone.now() + timedelta(hours=1))
    holding = processes.launch_and_await_word("hold_sqlite_s_lock_for", 2.5)
    assert waiting.cancel(by=ann)
    now = processes.read(waiting)
    assert (now.status, now.cancel_requested_by) == (Status.CANCELLED, ann)
    assert_ended_as(processes.await_end(holding), Status.SUCCESSFUL)
