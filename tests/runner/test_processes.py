"""Who is who, who lives, and to whom a signal goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brokerless import processes
from brokerless.processes import Process, host_name, identify, kill_marked, kill_tree, send
from tests.eventually import eventually

pytestmark = pytest.mark.system

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def child():
    """Start a process that sleeps, and end it after the test."""
    with subprocess.Popen(SLEEP) as started:
        yield started
        started.kill()


@pytest.fixture
def family():
    """Start a process with a child in a session of its own; return both once both are there."""
    code = (
        "import subprocess, sys, time\n"
        f"print(subprocess.Popen({SLEEP!r}, start_new_session=True).pid, flush=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        grandchild = identify(int(parent.stdout.readline()))
        yield identify(parent.pid), grandchild
        parent.kill()
        send(grandchild, signal.SIGKILL)


def test_a_process_is_alive_until_it_ends(child):
    process = identify(child.pid)
    assert process.start > 0
    assert process.is_alive
    child.kill()
    eventually(lambda: not process.is_alive)


def test_a_zombie_is_dead(child):
    process = identify(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has collected it
    assert not process.is_alive
    assert not send(process, signal.SIGTERM)


def test_a_later_process_with_the_same_pid_is_another(child):
    process = identify(child.pid)
    earlier = Process(child.pid, process.start - 1)
    assert not earlier.is_alive
    assert not send(earlier, signal.SIGKILL)
    assert process.is_alive


def test_nobody_has_a_pid_that_is_free(child):
    child.kill()
    child.wait()
    assert identify(child.pid) == Process(child.pid, 0)
    assert not identify(child.pid).is_alive


def test_a_name_with_odd_bytes_does_not_hide_a_process(child, tmp_path):
    odd = os.fsencode(tmp_path) + b"/a) R 1 \xff\n("
    Path(os.fsdecode(odd)).symlink_to(sys.executable)
    with subprocess.Popen([odd, *SLEEP[1:]]) as named:
        try:
            eventually(lambda: b"\xff" in Path(f"/proc/{named.pid}/stat").read_bytes())
            assert identify(named.pid).start >= identify(child.pid).start
            assert identify(named.pid).is_alive
        finally:
            named.kill()


def test_a_signal_reaches_the_process(child):
    assert send(identify(child.pid), signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM


def test_a_signal_reaches_the_process_without_pidfd_too(child, monkeypatch):
    def refuse(_pid):
        raise OSError("Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert not send(Process(child.pid, 1), signal.SIGTERM)
    assert send(identify(child.pid), signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM


def test_killing_a_tree_reaches_sessions_of_their_own(family):
    parent, grandchild = family
    kill_tree(parent)
    eventually(lambda: not parent.is_alive and not grandchild.is_alive)


def test_the_tree_of_a_process_that_is_gone_is_left_alone(family):
    parent, grandchild = family
    kill_tree(Process(parent.pid, parent.start - 1))
    assert parent.is_alive
    assert grandchild.is_alive


def test_descendants_are_all_but_those_to_spare(family):
    parent, grandchild = family
    assert [p.pid for p in processes.descendants(parent.pid)] == [grandchild.pid]
    assert processes.descendants(parent.pid, is_spared=lambda found: found.pid == grandchild.pid) == []


def test_killing_by_a_mark_reaches_who_carries_it_and_nobody_else(child):
    environment = os.environ | {"BROKERLESS_INSIDE": "a:1"}
    with subprocess.Popen(SLEEP, env=environment, start_new_session=True) as marked:
        eventually(lambda: b"BROKERLESS_INSIDE" in Path(f"/proc/{marked.pid}/environ").read_bytes())
        assert kill_marked(["BROKERLESS_INSIDE=a:2", "BROKERLESS_INSIDE=a"]) == 0
        assert kill_marked(["BROKERLESS_INSIDE=a:1"]) == 1
        assert marked.wait(10) == -signal.SIGKILL
    assert identify(child.pid).is_alive


def test_a_host_is_named_with_its_boot_and_its_namespace():
    name, boot, namespace = host_name().split("/")
    assert name
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert int(namespace) > 0
