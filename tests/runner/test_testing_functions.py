"""Task functions that run inline."""

from __future__ import annotations

import os

from brokerless import launch
from brokerless.models import TaskState
from tests.probes import functions

Status = TaskState.Status


def test_a_function_s_result_is_there_when_it_is_enqueued(inline):
    result = functions.add.enqueue(3, second=4)
    assert (str(result.status), result.return_value) == ("SUCCESSFUL", 7)
    assert functions.add.get_result(result.id).return_value == 7


def test_a_function_that_fails_tells_its_error(inline):
    result = functions.fail.enqueue("no books")
    assert [error.exception_class_path for error in result.errors] == ["builtins.ValueError"]
    assert "no books" in result.errors[0].traceback


def test_a_function_is_tried_again_and_knows_its_attempt(inline):
    task = launch(functions.succeed_at_attempt, arguments=[2], max_attempts=3)
    assert (task.status, task.attempt, task.result) == (Status.SUCCESSFUL, 2, 2)


def test_a_function_finds_its_context(inline):
    found = functions.tell_context.enqueue().return_value
    assert (found["attempt"], found["id"], found["pid"]) == (1, found["row"], os.getpid())


def test_a_function_that_enqueues_another(inline):
    inner = functions.enqueue_another.enqueue(5).return_value
    assert functions.add.get_result(inner).return_value == 6


def test_a_coroutine_runs_to_its_end(inline):
    assert functions.add_later.enqueue(3).return_value == 4
