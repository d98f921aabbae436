"""Rows that an older release recorded: what no longer fits ends in plain words."""

from __future__ import annotations

import pytest

from brokerless.dispatch import dispatch
from brokerless.models import TaskState
from tests.real_processes import describe

pytestmark = pytest.mark.system

Status = TaskState.Status


def ended(processes, **fields):
    """Record a task past `launch()`, which would refuse it, start it, and return how it ended."""
    row = TaskState.objects.create(**{"command": "options_probe", "max_attempts": 3} | fields)
    dispatch()
    return processes.await_end(row)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"command": "renamed_since"}, "There is no management command 'renamed_since'"),
        ({"arguments": ["x"], "options": {"size": 3}}, "There is no option 'size'; the options are: "),
        ({"arguments": ["x"], "options": {"colour": "green"}}, "argument --colour: invalid choice: 'green'"),
        ({"arguments": []}, "the following arguments are required: first"),
        ({"arguments": ["x", "not a number"]}, "argument rest: invalid int value: 'not a number'"),
        (
            {"command": "call_task", "arguments": ["shop.tasks.gone"]},
            "The task function shop.tasks.gone cannot be",
        ),
    ],
)
def test_what_no_longer_fits_fails_once_and_in_plain_words(processes, fields, title):
    row = ended(processes, **fields)
    assert (row.status, row.attempt) == (Status.FAILED, 1), describe(row)
    assert title in row.error_title


def test_a_field_that_a_newer_release_stored_in_the_context_is_left_out(processes):
    row = ended(processes, arguments=["x"], context={"language": "de", "of_a_newer_release": 1})
    assert row.status == Status.SUCCESSFUL, describe(row)


def test_an_interpreter_that_is_gone_is_named(processes):
    processes.configure(PYTHON="/srv/site/.venv-of-last-year/bin/python")
    row = ended(processes)
    assert (row.status, row.error_type) == (Status.FAILED, "not-spawned")
    assert "/srv/site/.venv-of-last-year/bin/python" in row.error_title


def test_a_manage_py_that_is_gone_is_named(processes):
    processes.configure(MANAGE_PY="/srv/site/manage.py", DIRECTORY=str(processes.directory))
    row = ended(processes)
    assert (row.status, row.error_type) == (Status.FAILED, "not-spawned")
    assert "/srv/site/manage.py" in row.error_title
