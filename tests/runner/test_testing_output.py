"""The output of commands that run inline."""

from __future__ import annotations

import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from django.core.management import CommandError
from django.db import connections

from brokerless import current_task, launch
from brokerless.models import TaskState
from brokerless.testing import inline_tasks
from tests.at_once import at_once
from tests.runner.doing import log_of

Status = TaskState.Status


def test_output_is_in_the_log_and_nowhere_else(inline, do, capsys):
    def work():
        print("on standard output – ähm")
        print("on standard error", file=sys.stderr)
        sys.stdout.buffer.write(b"bytes\n")
        raise CommandError("The shelf is empty.")

    task = do(work)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert log_of(task).splitlines() == [
        "on standard output – ähm",
        "on standard error",
        "bytes",
        "CommandError: The shelf is empty.",
    ]


def test_output_can_be_passed_on(db, do, capsys):
    with inline_tasks(capture_output=False):
        do(lambda: print("passed on"))
    assert capsys.readouterr().out == "passed on\n"


def test_a_handler_that_outlives_its_command_writes_to_nothing(inline, do):
    handlers = []
    do(lambda: handlers.append(logging.StreamHandler(sys.stderr)))
    record = logging.LogRecord("late", logging.ERROR, __file__, 1, "late", None, None)
    stderr, raised = sys.stderr, []
    handlers[0].handleError = raised.append
    handlers[0].emit(record)
    assert (raised, sys.stderr) == ([], stderr)


def test_a_command_has_nothing_to_read(inline, do):
    assert do(lambda: input()).error_type == "EOFError"


def test_tasks_in_several_threads_leave_the_streams_as_they_were(transactional_db, do):
    before = sys.stdout, sys.stderr, sys.stdin
    inside, both = [], threading.Barrier(2)

    def work():
        inside.append(sys.stdout)
        print("mine")

    def launch_one(_number):
        both.wait(20)
        do(work)

    with inline_tasks():
        at_once(2, launch_one)
        logs = [log_of(task) for task in TaskState.objects.all()]
    assert (sys.stdout, sys.stderr, sys.stdin) == before
    assert len(inside) == 2
    assert logs == ["mine\n", "mine\n"]
    assert current_task() is None


def test_a_task_may_launch_from_another_thread_and_wait_for_it(transactional_db, do):
    def work():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(launch_within).result(20)

    def launch_within():
        launch("probe", arguments=["succeed"])
        connections.close_all()

    with inline_tasks():
        assert do(work).status == Status.SUCCESSFUL
    assert TaskState.objects.filter(status=Status.SUCCESSFUL).count() == 2
