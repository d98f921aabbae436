"""How an end is put into words."""

from __future__ import annotations

import signal

import pytest

from brokerless import outcome
from brokerless.models import TaskState
from brokerless.outcome import Outcome

Status = TaskState.Status

RETURNED = {"kind": "outcome", "returned": True, "result": [1]}
RAISED = {
    "kind": "outcome",
    "returned": False,
    "result": None,
    "type": "ValueError",
    "title": "no good",
    "detail": "Traceback …",
}
EXITED_3, KILLED_9 = 3 << 8, 9  # wait statuses; see wait(2)


def ended(wait_status, message=None, *, stop=None):
    return outcome.of_command(wait_status, message, stop=stop, log_tail="the end of the log")


@pytest.mark.parametrize(
    ("wait_status", "message", "status", "kind"),
    [
        (0, RETURNED, Status.SUCCESSFUL, ""),
        (0, None, Status.FAILED, "exited-without-reporting"),
        (EXITED_3, None, Status.FAILED, "exited"),
        (EXITED_3, RETURNED, Status.FAILED, "exited"),
        (EXITED_3, RAISED, Status.FAILED, "ValueError"),
        (KILLED_9, None, Status.FAILED, "killed-by-signal"),
        (KILLED_9, RETURNED, Status.FAILED, "killed-by-signal"),
        (KILLED_9, RAISED, Status.FAILED, "killed-by-signal"),
    ],
)
def test_the_status_follows_from_exit_and_report(wait_status, message, status, kind):
    found = ended(wait_status, message)
    assert (found.status, found.error_type) == (status, kind)


@pytest.mark.parametrize(
    ("wait_status", "message", "status"),
    [
        (0, RETURNED, Status.SUCCESSFUL),
        (0, None, Status.CANCELLED),
        (EXITED_3, RAISED, Status.CANCELLED),
        (KILLED_9, None, Status.CANCELLED),
        (EXITED_3, RETURNED, Status.CANCELLED),
    ],
)
def test_after_a_request_to_stop_only_a_normal_return_is_a_success(wait_status, message, status):
    assert ended(wait_status, message, stop=outcome.cancelled()).status == status


def test_a_shutdown_is_told_as_the_reason():
    found = ended(EXITED_3, RAISED, stop=outcome.shut_down(signal.SIGTERM))
    assert (found.status, found.error_type) == (Status.FAILED, "shut-down")
    assert "signal 15 (SIGTERM)" in found.error_title


def test_exit_code_and_signal_are_kept_apart():
    assert (ended(EXITED_3).exit_code, ended(EXITED_3).exit_signal) == (3, None)
    assert (ended(KILLED_9).exit_code, ended(KILLED_9).exit_signal) == (None, 9)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "The process ended before the command started."),
        (0, "The process exited with code 0 before the command started."),
        (3, "The process exited with code 3 before the command started."),
        (-9, "The process was killed by signal 9 (SIGKILL) before the command started."),
    ],
)
def test_an_end_before_the_start_is_named(code, words):
    found = outcome.not_adopted(code, "tail")
    assert (found.status, found.error_title, found.error_detail) == (Status.FAILED, words, "tail")


@pytest.mark.parametrize(
    ("code", "words"),
    [(None, "is gone"), (1, "exited with code 1"), (-9, "was killed by signal 9 (SIGKILL)")],
)
def test_a_lost_monitor_is_named_as_far_as_it_is_known(code, words):
    found = outcome.lost(code, "tail")
    assert found.status == Status.LOST
    assert f"The process that watched the command {words};" in found.error_title


def test_a_signal_without_a_name_is_named_by_its_number():
    assert outcome.signal_words(15) == "signal 15 (SIGTERM)"
    assert outcome.signal_words(40) == "signal 40 (signal 40)"


def test_a_title_is_one_line():
    assert Outcome(Status.FAILED, error_title="a\r\nb\tc\n").fields()["error_title"] == "a b c"


def test_fields_hold_what_the_row_takes():
    fields = Outcome(Status.FAILED, "T" * 300, "t" * 600, "d" * 30_000 + "end").fields()
    assert (len(fields["error_type"]), len(fields["error_title"]), len(fields["error_detail"])) == (
        200,
        500,
        20_000,
    )
    assert fields["error_detail"].endswith("end")


def test_fields_hold_nothing_that_a_database_refuses():
    fields = Outcome(Status.FAILED, "T", "a\0b", "c\udce9d").fields()
    assert (fields["error_title"], fields["error_detail"]) == ("a\N{REPLACEMENT CHARACTER}b", "c?d")


def test_stored_fields_come_back_and_unknown_ones_are_left_out():
    before = ended(EXITED_3)
    assert Outcome.from_fields(before.fields() | {"colour": "red"}) == before
