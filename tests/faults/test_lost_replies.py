"""A write is committed and its reply is lost: it counts, and it is not done a second time."""

from __future__ import annotations

from contextlib import closing

import pytest
from django.db import connection

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left, effects
from tests.faults.losing_replies import LosingReplies
from tests.probes.listening import LEDGER, read_ledger

Status = TaskState.Status


@pytest.fixture
def lose_reply(postgres, processes, monkeypatch):
    """Return the function that loses the reply to the tasks' next COMMIT of what has these words in it."""
    made = []

    def lose(words):
        at = connection.settings_dict
        losing = LosingReplies((at["HOST"] or "127.0.0.1", int(at["PORT"] or 5432)), words)
        made.append(losing)
        user = at["USER"] + (f":{at['PASSWORD']}" if at["PASSWORD"] else "")
        # In plain text, so that it can be read.
        place = f"127.0.0.1:{losing.port}/{at['NAME']}?sslmode=disable&gssencmode=disable"
        monkeypatch.setenv("DATABASE_URL", f"postgres://{user}@{place}")
        return losing

    yield lose
    for losing in made:
        with closing(losing):
            assert losing.lost_at is not None, "no reply was lost"


@pytest.mark.parametrize(
    ("ends", "status", "done"),
    [
        ("well", Status.SUCCESSFUL, ["done 1"]),
        ("killed", Status.FAILED, []),
        ("cancelled", Status.CANCELLED, []),
    ],
)
def test_of_the_final_write(processes, lose_reply, ends, status, done):
    losing = lose_reply(f"'{status}'".encode())
    task = processes.launch_and_await_word("work_at_word")
    if ends == "well":
        processes.say()
    elif ends == "killed":
        processes.kill(task.command_pid)
    else:
        task.cancel()
    eventually(lambda: losing.lost_at, why="the reply is lost")
    ended = processes.await_end(task)
    assert_nothing_is_left(processes, ended)
    after = processes.read(task)
    assert_ended_as(after, status)
    assert after.finished_at < losing.lost_at, "written by the write whose reply was lost, and by no other"
    assert after.version == ended.version
    assert effects(processes) == ["begun 1", *done]


def test_of_the_adoption(processes, lose_reply):
    losing = lose_reply(b"'RUNNING'")
    task = processes.launch_and_await_word("work_at_word")
    assert task.started_at < losing.lost_at
    processes.say()
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert (ended.lease, ended.attempt) == (1, 1)
    assert effects(processes) == ["begun 1", "done 1"]


def test_of_putting_a_failed_attempt_back(processes, lose_reply):
    """One failure is one entry of the list, and one more attempt."""
    processes.configure(RETRY_PAUSE=0.1)
    lose_reply(b"'READY'")
    task = processes.launch_and_await_word("work_at_word", max_attempts=2)
    processes.kill(task.command_pid)
    eventually(lambda: processes.read(task).attempt == 2, why="the second attempt has begun")
    eventually(lambda: effects(processes) == ["begun 1", "begun 2"], why="the second attempt has begun")
    processes.say()
    ended = processes.await_end(task)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert [error["attempt"] for error in ended.errors] == [1]
    assert effects(processes) == ["begun 1", "begun 2", "done 2"]


def test_of_the_final_write_and_listeners_are_told_once(processes, lose_reply, monkeypatch, tmp_path):
    monkeypatch.setenv("TEST_PROBES", "tests.probes.apps.ListeningConfig")
    monkeypatch.setenv(LEDGER, str(tmp_path / "told"))
    losing = lose_reply(b"'SUCCESSFUL'")
    task = processes.await_end(processes.launch("succeed"))
    eventually(lambda: losing.lost_at, why="the reply is lost")
    eventually(lambda: not processes.is_alive(task.monitor_pid), why="the monitor has ended")
    assert [(event, status) for event, _, status, _, _ in read_ledger(tmp_path / "told")] == [
        ("started", "RUNNING"),
        ("finished", "SUCCESSFUL"),
    ]
