"""Which log is of which attempt."""

from __future__ import annotations

import pytest

from brokerless.attempt_log import attempt_log, latest_attempt
from brokerless.models import TaskState
from brokerless.processes import host_name
from brokerless.runtime_dir import TaskFiles

Status = TaskState.Status
FIRST = {"attempt": 1, "lease": 1, "worker": "web1/7"}
SECOND = {"attempt": 2, "lease": 3, "worker": "web2/8"}


@pytest.mark.parametrize(
    ("status", "lease", "attempt", "errors", "latest", "is_complete"),
    [
        (Status.READY, 0, 0, [], 1, False),
        (Status.STARTING, 1, 0, [], 1, False),
        (Status.RUNNING, 1, 1, [], 1, False),
        (Status.SUCCESSFUL, 1, 1, [], 1, True),
        (Status.FAILED, 1, 0, [], 1, True),  # not adopted
        (Status.READY, 1, 1, [FIRST], 1, True),  # to be tried again
        (Status.CANCELLED, 1, 1, [FIRST], 1, True),  # before that
        (Status.STARTING, 2, 1, [FIRST], 2, False),
        (Status.READY, 2, 1, [FIRST], 2, False),  # claimed in vain
        (Status.RUNNING, 3, 2, [FIRST], 2, False),
        (Status.READY, 3, 2, [FIRST, SECOND], 2, True),
        (Status.FAILED, 4, 2, [FIRST, SECOND], 3, True),  # its third process was not adopted
        (Status.LOST, 4, 3, [FIRST, SECOND], 3, True),
    ],
)
def test_the_latest_log(runtime_dir, status, lease, attempt, errors, latest, is_complete):
    task = TaskState(status=status, lease=lease, attempt=attempt, errors=errors)
    found = attempt_log(task)
    assert (latest_attempt(task), found.attempt) == (latest, latest)
    assert (found.files.lease, found.is_complete) == (lease, is_complete)
    assert attempt_log(task, latest).files.lease == lease
    assert attempt_log(task, latest + 1) is attempt_log(task, 0) is None


def test_earlier_logs_are_complete_and_known_by_their_leases(runtime_dir):
    task = TaskState(status=Status.RUNNING, lease=5, attempt=3, errors=[FIRST, SECOND])
    assert [attempt_log(task, number).files.lease for number in (1, 2, 3)] == [1, 3, 5]
    assert [attempt_log(task, number).is_complete for number in (1, 2, 3)] == [True, True, False]
    assert attempt_log(task, 0) is None


def test_rows_of_an_earlier_release_say_nothing_of_leases(runtime_dir):
    errors = [{"attempt": 1, "type": "OSError"}]
    task = TaskState(status=Status.RUNNING, lease=2, attempt=2, errors=errors)
    assert [attempt_log(task, number).files.lease for number in (1, 2)] == [1, 2]


@pytest.mark.parametrize("lease", ["../../1", None, 1.5, []])
def test_what_is_no_lease_names_no_file(runtime_dir, lease):
    task = TaskState(status=Status.RUNNING, lease=2, attempt=2, errors=[FIRST | {"lease": lease}])
    assert attempt_log(task, 1).files.lease == 1


def test_a_log_lies_where_its_attempt_ran_unless_it_is_here(runtime_dir):
    task = TaskState(status=Status.RUNNING, lease=2, attempt=2, host="web2/boot/1", errors=[FIRST])
    assert [attempt_log(task, number).elsewhere for number in (1, 2)] == ["web1", "web2"]
    files = TaskFiles(task.pk, 1)
    files.create_directory()
    files.log.touch()
    assert [attempt_log(task, number).elsewhere for number in (1, 2)] == ["", "web2"]


@pytest.mark.parametrize("host", ["", host_name(), host_name().split("/")[0] + "/another boot/1"])
def test_a_log_that_is_nowhere_is_not_said_to_be_elsewhere(runtime_dir, host):
    task = TaskState(status=Status.LOST, lease=1, attempt=1, host=host)
    assert attempt_log(task).elsewhere == ""
