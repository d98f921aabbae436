"""Checks of what tasks are started with: looked at, and really started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from django.core import checks

from brokerless import spawn
from brokerless.checks import starting
from brokerless.checks.programs import check_interpreter, check_manage_py, check_places
from brokerless.checks.starting import check_start
from brokerless.launchers import command_line
from tests.eventually import eventually
from tests.runner.checking import ids

PROJECT = Path(__file__).parents[2]
# Puts the import that the plain check wants to see beside a call of Django's own.
PRETENDER = """
import sys
from brokerless.management import execute_from_command_line
import django.core.management as management
management.execute_from_command_line(sys.argv)
"""


@pytest.fixture
def entries(settings, runtime_dir):
    """Return the function that changes entries of BROKERLESS."""

    def change(**changed):
        settings.BROKERLESS = settings.BROKERLESS | changed

    return change


@pytest.fixture
def program(tmp_path):
    """Return the function that writes a program."""

    def write(text="#!/bin/sh\n", *, name="program", mode=0o700):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def test_the_own_python_can_be_run(entries):
    entries(PYTHON=None)
    assert check_interpreter() == []


@pytest.mark.parametrize("python", ["/no/such/python", "no-such-python", "bin/no-such-python"])
def test_a_python_that_does_not_exist_is_said(entries, python):
    entries(PYTHON=python)
    (message,) = check_interpreter()
    assert (message.id, python in message.msg) == ("brokerless.E009", True)
    assert "Correct BROKERLESS['PYTHON']" in message.hint


def test_a_python_that_cannot_be_executed_is_said(entries, program):
    entries(PYTHON=program(mode=0o600))
    (message,) = check_interpreter()
    assert (message.id, "is not executable" in message.msg) == ("brokerless.E009", True)


def test_a_derived_python_that_does_not_exist_is_said(entries, monkeypatch, tmp_path):
    entries(PYTHON=None)
    monkeypatch.setattr(command_line.sys, "executable", "/usr/bin/uwsgi")
    monkeypatch.setattr(command_line.sys, "prefix", str(tmp_path))
    (message,) = check_interpreter()
    assert (message.id, f"{tmp_path}/bin/python" in message.msg) == ("brokerless.E009", True)
    assert "Set BROKERLESS['PYTHON']" in message.hint


def test_a_relative_program_is_looked_for_where_tasks_run(entries, program, tmp_path, monkeypatch):
    program(name="python")
    program(name="prefix")
    monkeypatch.chdir("/")
    entries(DIRECTORY=tmp_path, PYTHON="./python", PREFIX=["./prefix"])
    assert check_interpreter() + check_places() == []
    monkeypatch.chdir(tmp_path)
    entries(DIRECTORY="/")
    assert ids(check_interpreter() + check_places()) == ["brokerless.E009", "brokerless.E004"]


def test_what_is_missing_has_a_hint_each(entries):
    entries(DIRECTORY="/no/such", PREFIX=["no-such-program"], MANAGE_PY="/no/manage.py")
    assert ids(check_places() + check_manage_py()) == ["brokerless.E004", "brokerless.E004", "brokerless.E002"]


def test_really_starting_it_is_left_to_deployment(entries, monkeypatch):
    monkeypatch.setattr(starting, "_run", lambda *_, **__: pytest.fail("a process was started"))
    entries(PYTHON=sys.executable)
    assert checks.run_checks(tags=["brokerless"], databases=[]) == []


@pytest.mark.system
@pytest.mark.parametrize("manage_py", [PROJECT / "manage.py", None])
def test_what_runs_passes(entries, manage_py):
    entries(MANAGE_PY=manage_py, DIRECTORY=PROJECT)
    found = checks.run_checks(tags=["brokerless"], databases=[], include_deployment_checks=True)
    assert [message for message in found if message.id.startswith("brokerless.E")] == []


@pytest.mark.system
def test_a_python_that_cannot_load_the_site_is_said_with_its_words(entries, program):
    python = program(f'#!/bin/sh\nexec {sys.executable} -S -c "import django"\n')
    entries(PYTHON=python)
    (message,) = check_start()
    assert ids([message]) == ["brokerless.E010"]
    assert "exited with 1" in message.msg
    assert "No module named 'django'" in message.msg


@pytest.mark.system
def test_settings_that_cannot_be_imported_there_are_said(entries, monkeypatch):
    monkeypatch.setenv("TEST_BROKEN_SETTINGS", "1")
    entries(DIRECTORY=PROJECT)
    (message,) = check_start()
    assert (message.id, "broken on purpose" in message.msg) == ("brokerless.E010", True)


def test_an_environment_without_a_settings_module_is_said(entries, monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    (message,) = check_start()
    assert (message.id, "DJANGO_SETTINGS_MODULE" in message.msg) == ("brokerless.E010", True)


@pytest.mark.system
def test_what_is_no_program_is_said(entries, program):
    entries(PYTHON=program("\0\1 neither a script nor a binary"))
    (message,) = check_start()
    assert (message.id, "Exec format error" in message.msg) == ("brokerless.E010", True)


@pytest.mark.system
def test_what_does_not_end_is_killed_and_said(entries, program, tmp_path, monkeypatch):
    note = tmp_path / "pid"
    entries(
        PYTHON=program(f"#!/bin/sh\necho hanging\necho $$ > {note}.draft\nmv {note}.draft {note}\nsleep 600\n"),
        START_TIMEOUT=7,
    )
    waits = []

    def wait(child, *, within):
        """Give up at once, but not before the program has begun; then wait for its end as usual."""
        waits.append(within)
        return eventually(note.exists) and None if len(waits) == 1 else spawn.ended_with(child, within=within)

    monkeypatch.setattr(starting, "ended_with", wait)
    (message,) = check_start()
    assert ids([message]) == ["brokerless.E010"]
    assert message.msg.endswith("did not end within 7 s (START_TIMEOUT), and said: hanging")
    assert waits[0] == 7
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


@pytest.mark.system
def test_a_manage_py_that_only_looks_like_ours_is_found_out(entries, program, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    path = program(PRETENDER, name="manage.py")
    monkeypatch.setattr(starting, "check_manage_py", list)
    monkeypatch.setattr(command_line, "manage_py_problem", lambda _: "")
    entries(MANAGE_PY=path, DIRECTORY=path.parent)
    (message,) = check_start()
    assert ids([message]) == ["brokerless.E002"]
    assert "does not hand tasks over" in message.msg


def test_what_the_plain_checks_say_is_not_tried(entries, monkeypatch):
    monkeypatch.setattr(starting, "_run", lambda *_, **__: pytest.fail("a process was started"))
    entries(PYTHON="/no/such/python")
    assert check_start() == []
