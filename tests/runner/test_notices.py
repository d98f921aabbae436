"""What a command tells its user: numbered, stored with the heartbeat, and lost by no end of the command."""

from __future__ import annotations

import time

import pytest

from brokerless import InvalidArguments, attempts, current_task, launch
from brokerless.current import NOTICE_LIMIT
from brokerless.models import TaskState
from brokerless.notices import KEPT, SaidNotices
from brokerless.outcome import Outcome
from tests.eventually import eventually
from tests.real_processes import describe

Status = TaskState.Status


def told(task):
    return [(notice["number"], notice["text"]) for notice in task.notices]


def said(*texts, task=None):
    """Return a monitor's notices after a command has said these."""
    made = SaidNotices(task or TaskState())
    for text in texts:
        made.add(text)
    return made


def test_before_the_first_notice_there_is_nothing_to_write():
    assert said().read() == {}


def test_notices_are_numbered_and_the_last_ones_are_kept():
    fields = said(*map(str, range(KEPT + 7))).read()
    assert fields["notices_count"] == KEPT + 7
    assert [notice["number"] for notice in fields["notices"]] == list(range(8, KEPT + 8))
    assert [notice["text"] for notice in fields["notices"]][-1] == str(KEPT + 6)


def test_another_attempt_goes_on_with_the_numbers():
    row = TaskState(notices=[{"number": 7, "at": "2026-11-21T20:00:00+00:00", "text": "before"}], notices_count=7)
    made = said(task=row)
    assert made.read() == {}
    made.add("again")
    assert [notice["number"] for notice in made.read()["notices"]] == [7, 8]


def test_a_row_of_an_earlier_release_has_none():
    assert said("first", task=TaskState(notices=None)).read()["notices_count"] == 1


def test_what_is_stored_is_written_once_and_what_is_not_again():
    made = said("first")
    assert made.read() == made.read() != {}
    before = made.read()
    made.add("meanwhile")
    made.stored(before)
    assert made.read()["notices_count"] == 2
    made.stored(made.read())
    assert made.read() == {}


def test_a_message_that_no_command_should_send_is_made_storable():
    """Whatever can write to the socket is no reason for an UPDATE that fails at every beat."""
    [notice] = said("\0\ud800" + "x" * 5000).read()["notices"]
    assert notice["text"] == "\N{REPLACEMENT CHARACTER}?" + "x" * (NOTICE_LIMIT - 2)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  half way \n", "half way"),
        (50, "50"),
        ("x" * 300, "x" * NOTICE_LIMIT),
        ("x" * (NOTICE_LIMIT - 1) + " and more", "x" * (NOTICE_LIMIT - 1)),
        ("one\0two \ud800", "one\N{REPLACEMENT CHARACTER}two ?"),
        ("<b>Zoë</b> 🎉", "<b>Zoë</b> 🎉"),
    ],
)
def test_a_notice_is_text_of_a_limited_length(inline, do, text, kept):
    task = do(lambda: current_task().notify(text))
    assert (told(task), task.notices_count) == ([(1, kept)], 1), describe(task)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_notice_is_refused(inline, do, text):
    def notify():
        with pytest.raises(InvalidArguments, match="A notice says something"):
            current_task().notify(text)

    task = do(notify)
    assert (task.status, task.notices) == (Status.SUCCESSFUL, []), describe(task)


def test_a_failed_attempt_that_is_tried_again_keeps_what_it_said(db, runtime_dir):
    row = TaskState.objects.create(command="probe", status=Status.RUNNING, lease=1, attempt=1, max_attempts=2)
    measured = said("first").read() | {"progress_current": 5}
    assert attempts.settle(row, Outcome(Status.FAILED), measured=measured) == Status.READY
    row.refresh_from_db()
    assert (told(row), row.notices_count, row.progress_current) == ([(1, "first")], 1, None)


def test_inline_attempts_go_on_with_the_numbers(inline):
    task = launch("probe", arguments=["tell_and_fail_before_attempt", "3"], max_attempts=3)
    task.refresh_from_db()
    assert (task.status, told(task)) == (
        Status.SUCCESSFUL,
        [(number, f"attempt {number}") for number in (1, 2, 3)],
    )


def test_outside_of_a_task_there_is_nobody_to_tell():
    assert current_task() is None


@pytest.mark.system
def test_a_notice_is_in_the_row_while_the_command_runs(processes):
    task = processes.launch("tell_and_wait", "half way")
    processes.await_word("told", task)
    found = eventually(lambda: (row := processes.read(task)).notices and row, within=3)
    assert (found.status, told(found)) == (Status.RUNNING, [(1, "half way")])
    processes.say()
    ended = processes.await_end(task)
    assert told(ended) == [(1, "half way"), (2, "afterwards")], describe(ended)
    assert ended.started_at.isoformat() < ended.notices[0]["at"] < ended.finished_at.isoformat()


@pytest.mark.system
@pytest.mark.parametrize("way", ["kill", "exit", "raise", "segfault"])
def test_the_last_word_of_a_command_is_not_lost_with_it(processes, way):
    ended = processes.await_end(processes.launch("tell_and_end", way))
    assert (ended.status, told(ended)) == (Status.FAILED, [(1, "the last word")]), describe(ended)


@pytest.mark.system
def test_what_a_command_said_before_it_was_killed_is_not_lost(processes):
    task = processes.launch("tell_and_wait", "half way", "nearly there")
    processes.await_word("told", task)
    processes.kill(processes.read(task).command_pid)
    ended = processes.await_end(task, look=False)
    assert (ended.exit_signal, told(ended)) == (9, [(1, "half way"), (2, "nearly there")]), describe(ended)


@pytest.mark.system
def test_an_attempt_of_a_real_process_goes_on_with_the_numbers(processes):
    processes.configure(RETRY_PAUSE=0.01)
    ended = processes.await_end(processes.launch("tell_and_fail_before_attempt", 2, max_attempts=2))
    assert (ended.status, told(ended)) == (Status.SUCCESSFUL, [(1, "attempt 1"), (2, "attempt 2")])


@pytest.mark.system
def test_odd_words_are_taken_by_postgresql_too(postgres, processes):
    """No argument could hold them."""
    task = processes.launch("tell_odd_words")
    assert told(processes.await_end(task)) == [(1, "one\N{REPLACEMENT CHARACTER}two ?")]


@pytest.mark.system
def test_a_flood_of_notices_costs_one_write_a_second_and_the_last_are_kept(processes):
    began = time.monotonic()
    task = processes.launch("tell_much", 100_000)
    processes.await_word("told", task)
    found = eventually(lambda: (row := processes.read(task)).notices_count == 100_000 and row)
    took = time.monotonic() - began
    assert [number for number, _ in told(found)] == list(range(100_001 - KEPT, 100_001))
    # A beat a second, the first after half of one; claimed, noted and adopted before.
    assert found.version <= took + 5
    assert found.started_at is not None
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL
