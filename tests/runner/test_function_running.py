"""Calling a task function: by hand, with signals, and what it may return."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from brokerless import FinalError
from brokerless.backend import ProcessBackend
from brokerless.functions.coroutines import _Cancellation
from brokerless.functions.framework import LOGGER, TaskResultStatus, task_finished, task_started
from brokerless.functions.running import run_function
from brokerless.functions.statements import ThreadsStatements

HOME = "tests.probes.functions"


@pytest.fixture
def heard():
    """Collect what is told: (name of the signal, sender, status, errors)."""
    calls = []

    def listen(name):
        def listener(sender, task_result, **_):
            errors = [error.exception_class for error in task_result.errors]
            calls.append((name, sender, task_result.status, errors))

        return listener

    listeners = {task_started: listen("started"), task_finished: listen("finished")}
    for told, listener in listeners.items():
        told.connect(listener)
    yield calls
    for told, listener in listeners.items():
        told.disconnect(listener)


def run(name, *arguments, **keywords):
    return run_function(f"{HOME}.{name}", list(arguments), keywords, alias="default")


def by_hand(name, *words):
    """Call a function as it is typed, and return what is printed."""
    output = StringIO()
    call_command("call_task", f"{HOME}.{name}", *words, stdout=output)
    return output.getvalue()


def test_by_hand_it_prints_what_the_function_returns():
    assert by_hand("add", "--arguments", "[1]", "--keywords", '{"second": 5}') == "6\n"
    assert by_hand("greet", "--arguments", '["Zoë"]') == '"Hello, Zoë"\n'
    assert by_hand("nothing") == "null\n"
    assert by_hand("add_later", "--arguments=[4]") == "5\n"


def test_by_hand_the_functions_error_is_its_own():
    with pytest.raises(ValueError, match=r"^no good$"):
        by_hand("fail", "--arguments", '["no good"]')
    with pytest.raises(SystemExit):
        by_hand("leave")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--arguments", "[1"], "'\\[1' is no JSON"),
        (["--arguments", "1"], "--arguments: 1 is no JSON list"),
        (["--keywords", "[]"], "--keywords: \\[\\] is no JSON object"),
        (["--backend", "typo"], "TASKS\\['typo'\\] is no backend: The connection 'typo' doesn't exist"),
    ],
)
def test_by_hand_wrong_words_are_refused(words, reason):
    with pytest.raises(CommandError, match=reason):
        by_hand("add", *words)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"{HOME}.no_such", "cannot be imported: .*no_such"),
        ("no.such", "cannot be imported: No module named 'no'"),
        ("os", "cannot be imported"),
        (f"{HOME}.leave_word", "is no function that @task has made"),
    ],
)
def test_what_is_no_function_is_refused_for_good(path, reason):
    with pytest.raises(FinalError, match=reason):
        run_function(path, [], {}, alias="default")


def test_listeners_are_told_of_start_and_success(heard, caplog):
    with caplog.at_level(logging.DEBUG, logger=LOGGER):
        assert run("add", 1) == 2
    assert heard == [
        ("started", ProcessBackend, TaskResultStatus.RUNNING, []),
        ("finished", ProcessBackend, TaskResultStatus.SUCCESSFUL, []),
    ]
    lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert [line.split("path=")[1] for line in lines] == [
        f"{HOME}.add state=RUNNING",
        f"{HOME}.add state=SUCCESSFUL",
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [("fail", ["no good"], ValueError), ("leave", [], SystemExit), ("interrupt", [], KeyboardInterrupt)],
)
def test_listeners_are_told_of_a_failure_where_the_exception_is(heard, caplog, name, arguments, kind):
    with caplog.at_level(logging.DEBUG, logger=LOGGER), pytest.raises(kind):
        run(name, *arguments)
    assert heard[-1] == ("finished", ProcessBackend, TaskResultStatus.FAILED, [kind])
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info[0] is kind


def test_a_listener_that_fails_does_not_fail_the_function():
    def listener(**_):
        raise RuntimeError("of the listener")

    task_started.connect(listener)
    task_finished.connect(listener)
    try:
        assert run("add", 1) == 2
        with pytest.raises(ValueError, match="no good"):
            run("fail", "no good")
    finally:
        task_started.disconnect(listener)
        task_finished.disconnect(listener)


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        ("function", TypeError, "Unsupported type"),
        ("nan", ValueError, "not JSON compliant"),
        ("bytes", ValueError, "Unsupported value"),
        ("nul", ValueError, "NUL"),
    ],
)
def test_what_cannot_be_stored_is_said_with_the_functions_name(heard, kind, error, reason):
    with pytest.raises(error, match=f"What {HOME}.return_what_is_no_json returned .*{reason}") as caught:
        run("return_what_is_no_json", kind)
    assert type(caught.value) is error
    assert heard[-1][2:] == (TaskResultStatus.FAILED, [error])


def test_a_signal_before_the_coroutine_has_begun_is_for_the_usual_handler():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("usual"))
    try:
        loop = asyncio.new_event_loop()
        with ThreadsStatements() as statements, _Cancellation(loop, statements).by_sigterm() as cancellation:
            os.kill(os.getpid(), signal.SIGTERM)
            assert (heard, cancellation.is_asked) == (["usual"], False)
        loop.close()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_coroutine_leaves_the_handler_of_sigterm_as_it_was():
    def usual(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, usual)
    try:
        assert run("add_later", 1) == 2
        assert signal.getsignal(signal.SIGTERM) is usual
    finally:
        signal.signal(signal.SIGTERM, before)
