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
    "class": "builtins.ValueError",
    "title": "no good",
    "detail": "Traceback …",
    "is_final": False,
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


def test_a_path_of_a_class_that_is_too_long_is_left_out_and_not_cut():
    assert Outcome(Status.FAILED, error_class="a" * 500).fields()["error_class"] == "a" * 500
    assert Outcome(Status.FAILED, error_class="a" * 501).fields()["error_class"] == ""


def test_a_stored_outcome_comes_back_and_what_is_unknown_is_left_out():
    for before in (ended(EXITED_3), ended(EXITED_3, RAISED | {"is_final": True})):
        assert Outcome.from_stored(before.stored() | {"colour": "red"}) == before


def test_an_error_that_is_final_is_told_as_such_and_is_no_field_of_the_row():
    assert not ended(EXITED_3, RAISED).is_final
    found = ended(EXITED_3, RAISED | {"is_final": True})
    assert found.is_final
    assert "is_final" not in found.fields()


def test_limits_are_told_in_the_units_of_whoever_set_them():
    assert outcome.timed_out(60).error_title == "The command ran longer than 60 s."
    assert outcome.timed_out(0.5).error_title == "The command ran longer than 0.5 s."
    assert outcome.memory_exceeded(512_000_000).error_title == "The command used more than 512 MB."


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (999, "999 bytes"),
        (1000, "1 KB"),
        (640_000, "640 KB"),
        (512_000_000, "512 MB"),
        (536_870_912, "536.9 MB"),
        (1_500_000_000, "1.5 GB"),
        (2_000_000_000_000, "2 TB"),
    ],
)
def test_sizes_are_told_in_decimal_units(size, words):
    assert outcome.size_words(size) == words


@pytest.mark.parametrize(
    ("wait_status", "stop", "kind"),
    [
        (KILLED_9, None, "out-of-memory"),
        (15, None, "killed-by-signal"),
        (EXITED_3, None, "exited"),
        (KILLED_9, outcome.timed_out(60), "timed-out"),
    ],
)
def test_want_of_memory_is_named_only_for_a_sigkill_that_the_monitor_did_not_send(wait_status, stop, kind):
    found = outcome.of_command(wait_status, None, stop=stop, log_tail="", ran_out_of_memory=True)
    assert found.error_type == kind
    if kind == "out-of-memory":
        words = "The command was killed by signal 9 (SIGKILL), probably as memory ran out."
        assert (found.error_title, found.exit_signal) == (words, 9)
