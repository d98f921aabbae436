"""Launching where no thread goes on between two requests, as under uWSGI without `enable-threads`."""

from __future__ import annotations

import os
import sys
import threading
from types import SimpleNamespace

import pytest
from django.core.signals import request_finished

from brokerless import children
from brokerless.launchers import subprocess as launcher
from brokerless.models import TaskState
from tests.eventually import eventually

Status = TaskState.Status
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uwsgi(monkeypatch):
    """Be inside uWSGI, which tells so by a module of this name."""
    found = SimpleNamespace(has_threads=0)
    monkeypatch.setitem(sys.modules, "uwsgi", found)
    yield found
    request_finished.disconnect(launcher._collect_ended)


def end_a_request():
    """Do what a server does after every answer."""
    request_finished.send(sender=None)


def is_zombie(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("has_threads", [0, 1])
def test_threads_are_used_only_where_they_go_on(uwsgi, has_threads):
    uwsgi.has_threads = has_threads
    assert launcher.may_use_threads() is bool(has_threads)


def test_the_end_of_the_next_request_collects_what_has_ended(processes, uwsgi):
    threads = threading.active_count()
    task = processes.launch("succeed")
    assert threading.active_count() == threads
    [pid] = children.pids()
    end_a_request()
    assert children.pids() == [pid]
    eventually(lambda: is_zombie(pid), why="the process has ended")

    end_a_request()

    assert children.pids() == []
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    assert processes.read(task).status == Status.SUCCESSFUL


def test_a_process_that_ended_before_it_adopted_is_told_with_its_exit_code(processes, uwsgi, monkeypatch):
    monkeypatch.setenv("TEST_BROKEN_SETTINGS", "1")
    task = processes.launch("succeed")
    [pid] = children.pids()
    eventually(lambda: is_zombie(pid), why="the process has ended")

    end_a_request()

    found = processes.read(task)
    assert (found.status, found.exit_code) == (Status.FAILED, 1)
    assert "broken on purpose" in found.error_detail
    assert children.pids() == []


def test_a_page_that_looks_first_is_told_too(processes, uwsgi, monkeypatch):
    monkeypatch.setenv("TEST_BROKEN_SETTINGS", "1")
    task = processes.launch("succeed")

    assert processes.await_end(task).exit_code == 1

    end_a_request()
    assert children.pids() == []
