"""The lifecycle as lines of key=value: what is in them, what never is, and what they cost nobody."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from brokerless import launch, signal_log, transitions
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process
from tests.eventually import eventually
from tests.runner.launchers import RecordingLauncher

Status = TaskState.Status


@pytest.fixture
def lines(transactional_db, caplog, use_launcher):
    """Return the lines that are logged, each as a dict."""
    use_launcher(RecordingLauncher)
    caplog.set_level(logging.INFO, logger="brokerless.tasks")
    signal_log.connect()
    yield lambda: [as_dict(record.getMessage()) for record in caplog.records if record.name == "brokerless.tasks"]
    signal_log.disconnect()


def as_dict(line):
    assert "\n" not in line
    return dict(pair.split("=", 1) for pair in shlex.split(line))


def begun(**fields):
    """Record a task that has begun two and a half seconds ago."""
    task = TaskState.objects.create(command="probe", status=Status.STARTING, lease=1, **fields)
    here = Process(os.getpid(), 1)
    assert transitions.adopt(task.pk, 1, name="probe", host="web-1/boot/1", monitor=here, command=here)
    long_ago = timezone.now() - timedelta(seconds=2.5)
    TaskState.objects.filter(pk=task.pk).update(started_at=long_ago)
    return task


def test_a_launch_is_a_line(lines):
    task = launch("probe", arguments=["succeed"], priority=7)
    (found,) = lines()
    assert found == {
        "task": str(task.pk),
        "event": "launched",
        "command": "probe",
        "queue": "default",
        "priority": "7",
    }


def test_a_failure_is_a_line_that_says_how_it_ended(lines):
    task = begun()
    ended = Outcome(Status.FAILED, error_type="killed-by-signal", error_title="secret", exit_signal=9)
    transitions.finish(task.pk, 1, ended, measured={"cpu_seconds": 1.25, "peak_memory": 5_000_000})
    (found,) = lines()
    assert 2.5 <= float(found.pop("duration")) < 60
    assert found == {
        "task": str(task.pk),
        "event": "finished",
        "command": "probe",
        "status": "FAILED",
        "attempt": "1",
        "queue": "default",
        "worker": f"web-1/{os.getpid()}",
        "cpu": "1.25",
        "peak_memory": "5000000",
        "signal": "9",
        "error": "killed-by-signal",
    }


def test_a_success_says_its_exit_code_and_no_error(lines):
    task = begun()
    transitions.finish(task.pk, 1, Outcome(Status.SUCCESSFUL, exit_code=0))
    (found,) = lines()
    assert (found["status"], found["exit_code"]) == ("SUCCESSFUL", "0")
    assert "error" not in found


def test_what_was_cancelled_before_it_began_has_no_duration(lines):
    task = TaskState.objects.create(command="probe")
    task.cancel()
    (found,) = lines()
    assert (found["status"], found["attempt"]) == ("CANCELLED", "0")
    assert not {"duration", "worker", "cpu"} & set(found)


def test_a_line_has_neither_arguments_nor_texts(lines, caplog):
    fields = {"title": "a secret", "arguments": ["ann@example.org"], "options": {"email": "ann@example.org"}}
    task = begun(**fields)
    failed = Outcome(Status.FAILED, error_type="ValueError", error_title="ann@example.org", result="secret")
    transitions.finish(task.pk, 1, failed)
    assert "ann@example.org" not in caplog.text
    assert "secret" not in caplog.text


def test_the_task_of_a_function_says_which(lines):
    options = {"arguments": ["secret"]}
    task = TaskState.objects.create(command="call_task", arguments=["shop.tasks.count"], options=options)
    task.cancel()
    (found,) = lines()
    assert (found["command"], found["function"]) == ("call_task", "shop.tasks.count")


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("killed-by-signal", "killed-by-signal"),
        ("host/12", "host/12"),
        (12.5, "12.5"),
        (0, "0"),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "no"', '"say \\"no\\""'),
        ("line\nevent=finished", '"line\\nevent=finished"'),
        ("line\u2028separator\x85", '"line\\u2028separator\\u0085"'),
        ("\x1b[31mred", '"\\u001b[31mred"'),
        ("Zürich", '"Z\\u00fcrich"'),
    ],
)
def test_values_are_quoted_where_needed_and_never_break_a_line(value, spelled):
    assert signal_log.as_line({"key": value}) == f"key={spelled}"


def test_what_there_is_not_is_left_out():
    assert signal_log.as_line({"a": None, "b": "", "c": 0, "d": False}) == "c=0 d=False"


CODE = """
import sys, django
from django.conf import settings
django.setup()
from brokerless import signals
print("brokerless.signal_log" in sys.modules, signals.task_finished.has_listeners())
"""


@pytest.mark.system
@pytest.mark.parametrize(("level", "expected"), [("INFO", "True True"), ("WARNING", "False False")])
def test_it_is_loaded_only_where_the_site_s_logging_lets_it_through(level, expected, tmp_path):
    (tmp_path / "logging_settings.py").write_text(
        "from tests.settings import *\n"
        f"LOGGING = {{'version': 1, 'loggers': {{'brokerless.tasks': {{'level': '{level}'}}}}}}\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "logging_settings"}
    environment["PYTHONPATH"] = f"{tmp_path}:{Path.cwd()}"
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == expected, done.stderr


@pytest.mark.system
def test_every_process_of_a_task_writes_its_lines(processes, tmp_path, monkeypatch):
    log = tmp_path / "tasks.log"
    handlers = {"file": {"class": "logging.FileHandler", "filename": str(log)}}
    loggers = {"brokerless.tasks": {"level": "INFO", "handlers": ["file"]}}
    logging_settings = {"version": 1, "handlers": handlers, "loggers": loggers}
    (tmp_path / "file_settings.py").write_text(f"from tests.settings import *\nLOGGING = {logging_settings!r}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "file_settings")
    task = processes.await_end(processes.launch("succeed"))
    eventually(lambda: log.exists() and "event=finished" in log.read_text(), why="the end is logged")
    started, finished = map(as_dict, log.read_text().splitlines())
    assert (started["event"], started["attempt"], started["worker"]) == ("started", "1", task.worker)
    assert float(started["waited"]) >= 0
    assert (finished["event"], finished["status"], finished["exit_code"]) == ("finished", "SUCCESSFUL", "0")
