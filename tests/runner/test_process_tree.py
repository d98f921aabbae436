"""The processes below another one, and what they use."""

from __future__ import annotations

import os
import signal

import pytest

from brokerless import process_tree
from brokerless.process_tree import figures_below, leads_session, unshared_memory

pytestmark = pytest.mark.system

MB = 1_000_000
SLEEP = "import time; time.sleep(600)"


def pids_below(*, spared=()):
    """Return the pids of this process's descendants, as both ways to find them say."""
    found = set(process_tree.pids_below(os.getpid(), is_spared=lambda pid: pid in spared))
    assert found >= {each.pid for each in figures_below(os.getpid(), is_spared=lambda pid: pid in spared)}
    return found


def test_all_descendants_are_found_but_those_to_spare(python):
    parent = python(
        "import subprocess, sys, time\n"
        f"print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True).pid, flush=True)\n"
        "time.sleep(600)"
    )
    grandchild = int(parent.stdout.readline())
    other = python(SLEEP)
    try:
        assert {parent.pid, grandchild, other.pid} <= pids_below()
        found = pids_below(spared=[parent.pid])
        assert other.pid in found
        assert found.isdisjoint({parent.pid, grandchild})
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_what_a_thread_started_is_found(python):
    child = python(
        "import subprocess, sys, threading, time\n"
        "def start():\n"
        f"    print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True)\n"
        "    time.sleep(600)\n"
        "threading.Thread(target=start).start()"
    )
    grandchild = int(child.stdout.readline())
    try:
        assert grandchild in pids_below()
    finally:
        os.kill(grandchild, signal.SIGKILL)


@pytest.mark.parametrize("lists_children", [True, False])
def test_memory_and_cpu_time_are_as_the_system_says(python, monkeypatch, lists_children):
    monkeypatch.setattr(process_tree, "can_list_children", lambda: lists_children)
    child = python(
        "import time\n"
        "taken = b'x' * 100_000_000\n"
        "while time.process_time() < 0.3: pass\n"
        "print(flush=True); time.sleep(600)"
    )
    child.stdout.readline()
    found = next(f for f in figures_below(os.getpid(), is_spared=lambda _: False) if f.pid == child.pid)
    assert 100 * MB < found.memory < 150 * MB
    assert 0.28 < found.cpu_seconds < 1
    assert 95 * MB < unshared_memory(child.pid) <= found.memory * 1.05


def test_nothing_is_known_of_a_process_that_is_gone(python):
    child = python("")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert unshared_memory(child.pid) == 0
    child.wait()
    assert child.pid not in pids_below()
    assert unshared_memory(child.pid) == 0
    assert not leads_session(child.pid)


def test_who_leads_a_session_is_known_of_a_zombie_too(python):
    leader, follower = python("", start_new_session=True), python("")
    for child in (leader, follower):
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert leads_session(leader.pid)
    assert not leads_session(follower.pid)
