"""A machine and a database that do not help: full disks, cut connections, locks, leases that are lost."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from brokerless import reap
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.real_processes import describe, is_alive

pytestmark = pytest.mark.system

Status = TaskState.Status


def cut_connections():
    """Have the server end every other connection to the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(cursor.fetchall())


def test_a_heartbeat_outlives_its_connection(postgres, processes):
    task = processes.launch_and_await_word("track_items", 10, 5)
    eventually(lambda: processes.read(task).progress_current == 5)
    assert cut_connections() >= 1
    before = processes.read(task).version
    eventually(lambda: processes.read(task).version >= before + 2)
    processes.say()
    ended = processes.await_end(task)
    assert (ended.status, ended.progress_current) == (Status.SUCCESSFUL, 10), describe(ended)


def test_the_end_is_written_after_a_lock_on_the_row_is_released(postgres, processes):
    task = processes.launch_and_await_word("return_at_word")
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM brokerless_taskstate WHERE id = %s FOR UPDATE", [task.pk])
            processes.say()
            eventually(lambda: not is_alive(task, "command"))
            assert processes.read(task).status == Status.RUNNING
    finally:
        other.close()
    ended = processes.await_end(task)
    assert ended.status == Status.SUCCESSFUL, describe(ended)


def test_the_command_s_own_statements_have_no_time_limit(postgres, processes):
    task = processes.await_end(processes.launch("statement_time_out"))
    assert task.result == "0", describe(task)


def test_killing_works_the_same_on_postgresql(postgres, processes):
    task = processes.launch_and_await_word("track_in_transaction")
    processes.kill(task.command_pid)
    ended = processes.await_end(task, within=1.0, look=False)
    assert ended.error_title == "The command was killed by signal 9 (SIGKILL)."


def test_cancelling_works_on_postgresql_while_the_command_holds_a_transaction(postgres, processes):
    task = processes.launch_and_await_word("track_in_transaction")
    task.cancel()
    assert processes.await_end(task, within=5.0).status == Status.CANCELLED


def test_a_stored_progress_of_odd_words_is_taken_by_postgresql_too(postgres, processes):
    task = processes.await_end(processes.launch("track_stages", 10))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert task.progress_message.startswith("Stage 9\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("action", ["raise_value_error", "result_with_nul"])
def test_odd_ends_are_taken_by_postgresql_too(postgres, processes, action):
    task = processes.await_end(processes.launch(action))
    assert task.status == Status.FAILED
    assert task.error_type in {"ValueError", "InvalidArguments"}


def test_a_log_that_cannot_grow_does_not_hold_the_command_up(postgres, processes):
    """A limit on the size of files is a full disk for whoever writes one."""
    processes.configure(PREFIX=["sh", "-c", 'ulimit -f 8; exec "$@"', "sh"])
    task = processes.await_end(processes.launch("print_bytes", 1_000_000))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert len(processes.log(task)) <= 8 * 1024


def test_a_lease_is_renewed_before_effects(processes):
    task = processes.launch_and_await_word("renew")
    processes.say()
    ended = processes.await_end(task)
    assert (ended.status, ended.result) == (Status.SUCCESSFUL, "renewed twice"), describe(ended)


def test_a_lease_that_was_lost_is_not_renewed(processes):
    task = processes.launch_and_await_word("renew")
    TaskState.objects.update(lease=task.lease + 1)
    processes.say()
    eventually(lambda: not is_alive(task, "command"))
    eventually(lambda: not is_alive(task, "monitor"))
    # It writes nothing more; whoever looks at the row of the newer lease finds nobody who runs it.
    assert processes.read(task).status in {Status.RUNNING, Status.LOST}
    TaskState.objects.update(status=Status.LOST)


def test_threads_of_a_command_may_renew_at_once(processes):
    task = processes.await_end(processes.launch("renew_in_threads", 5))
    assert (task.status, task.result) == (Status.SUCCESSFUL, 5), describe(task)


def test_of_many_who_find_a_dead_monitor_one_alone_finishes_the_task(processes):
    task = processes.launch_elsewhere("return_at_word")
    processes.await_word("started", task)
    task = processes.read(task)
    processes.kill(task.monitor_pid)
    eventually(lambda: not is_alive(task, "monitor"))
    barrier, changed = threading.Barrier(4), []

    def look():
        try:
            row = processes.read(task)
            barrier.wait(10)
            changed.append(reap.look_at(row))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(changed) == [False, False, False, True]
