"""Which children a monitor collects, and which are somebody else's to collect."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from brokerless import children, collection
from brokerless.collection import collect_orphans

pytestmark = pytest.mark.system


@pytest.fixture
def ended():
    """Start a child that ends at once, and return its pid when it has; it is forgotten after the test."""
    started = []

    def start():
        child = subprocess.Popen([sys.executable, "-c", ""])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        started.append(child)
        return child

    yield start
    for child in started:
        children.forget(child)
        child.wait()


def test_orphans_that_ended_are_collected(ended):
    found = []
    pids = {ended().pid, ended().pid}
    collect_orphans(lambda pid: found.append(os.waitpid(pid, 0)[0]))
    assert set(found) == pids


def test_what_is_spared_or_remembered_is_left_to_others(ended):
    child = ended()
    collect_orphans(lambda pid: pytest.fail(str(pid)), spared=child.pid)
    children.add(child)
    collect_orphans(lambda pid: pytest.fail(str(pid)))


def test_a_child_that_is_collected_and_forgotten_meanwhile_is_no_orphan(ended, monkeypatch):
    """As the thread that waits for it does at any moment."""
    child = ended()
    children.add(child)
    real = collection._ended_child

    def ended_child():
        found = real()
        child.wait()
        children.forget(child)
        return found

    monkeypatch.setattr(collection, "_ended_child", ended_child)
    collect_orphans(lambda pid: pytest.fail(str(pid)))


def test_without_a_child_there_is_nothing_to_do(monkeypatch):
    monkeypatch.setattr(collection, "_ended_child", lambda: None)
    collect_orphans(lambda pid: pytest.fail(str(pid)))


def test_orphans_can_be_collected_in_a_thread():
    """In a process of its own, as the thread never ends."""
    code = (
        "import os\n"
        "from brokerless.collection import collect_orphans_from_now_on\n"
        "collect_orphans_from_now_on()\n"
        "pid = os.fork() or os._exit(0)\n"
        "while os.path.exists(f'/proc/{pid}'): pass\n"
        "print('collected')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert found.stdout == "collected\n"
