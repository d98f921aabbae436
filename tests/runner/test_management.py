"""The drop-in for Django's entry point: by hand, and as a task's process."""

from __future__ import annotations

import os

import pytest

from brokerless import bootstrap
from brokerless.management import execute_from_command_line


@pytest.fixture
def by_hand(monkeypatch):
    calls = []
    monkeypatch.setattr("django.core.management.execute_from_command_line", calls.append)
    return calls


@pytest.fixture
def as_task(monkeypatch):
    calls = []
    monkeypatch.setattr(bootstrap, "run_task", lambda *words: calls.append(words))
    monkeypatch.setattr(bootstrap, "run_command_process", lambda *words: calls.append(words))
    return calls


def test_by_hand_it_does_what_django_does(by_hand, as_task):
    execute_from_command_line(["manage.py", "check"])
    assert (by_hand, as_task) == ([["manage.py", "check"]], [])


def test_a_task_s_process_runs_its_task_and_forgets_the_reference(by_hand, as_task, monkeypatch):
    monkeypatch.setenv("BROKERLESS_TASK", "an-id:3")
    execute_from_command_line(["manage.py", "probe"])
    assert (by_hand, as_task) == ([], [("an-id:3", ["manage.py", "probe"])])
    assert "BROKERLESS_TASK" not in os.environ


@pytest.mark.system
def test_a_command_by_hand_in_a_task_s_environment_runs_by_hand(processes):
    """What a command starts must not take itself for the task."""
    code = (
        "import sys\n"
        "from brokerless.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'probe', 'speak', '--directory', sys.argv[-1]])\n"
    )
    processes.say()
    found = processes.run_python(
        f"import sys; sys.argv = ['manage.py', {str(processes.words)!r}]\n{code}", BROKERLESS_INSIDE="some-id:1"
    )
    assert "said on standard output" in found
