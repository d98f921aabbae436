"""What a task's processes use is seen while they live, and known when they have ended, whichever way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from resource import RUSAGE_SELF, getrusage
from types import SimpleNamespace

import pytest

from brokerless import process_tree
from brokerless import usage as module
from brokerless.models import TaskState
from brokerless.process_tree import Figures, figures_below, leads_session, unshared_memory
from brokerless.processes import TASK_VARIABLE, spawning
from brokerless.usage import MAXRSS_UNIT, Usage
from tests.eventually import eventually
from tests.real_processes import describe

pytestmark = pytest.mark.system

Status = TaskState.Status
MB = 1_000_000
SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def python():
    """Start Python code as children, and end them after the test."""
    started = []

    def start(code, **keywords):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, **keywords)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def pids_below(*, spared=()):
    return {found.pid for found in figures_below(os.getpid(), is_spared=lambda pid: pid in spared)}


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
    child.wait()
    assert child.pid not in pids_below()
    assert unshared_memory(child.pid) is None
    assert not leads_session(child.pid)


def test_who_leads_a_session_is_known_of_a_zombie_too(python):
    leader, follower = python("", start_new_session=True), python("")
    for child in (leader, follower):
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert leads_session(leader.pid)
    assert not leads_session(follower.pid)


@pytest.fixture
def tree(monkeypatch):
    """Have a Usage look at made-up processes; what each page-by-page measurement says is noted as made."""
    found = SimpleNamespace(members=[], unshared={}, weighed=[])

    def weigh(pid):
        found.weighed.append(pid)
        return found.unshared.get(pid)

    monkeypatch.setattr(module, "figures_below", lambda *_, **__: found.members)
    monkeypatch.setattr(module, "unshared_memory", weigh)
    return found


def looked(tree, usage, *members):
    tree.members = list(members)
    usage.look()
    return usage.memory


def test_one_process_uses_its_resident_memory(tree):
    usage = Usage(1, reference="task:1")
    assert usage.read() == {}
    assert looked(tree, usage, Figures(1, 100, 0.5)) == 100
    assert looked(tree, usage, Figures(1, 70, 0.7)) == 70
    assert usage.read() == {"cpu_seconds": 0.7, "peak_memory": 100}
    assert tree.weighed == []


def test_pages_that_several_share_count_once(tree):
    usage = Usage(1, reference="task:1", memory_limit=150)
    tree.unshared = {1: 60, 2: 50}
    assert looked(tree, usage, Figures(1, 100, 0), Figures(2, 100, 0)) == 110
    assert usage.read()["peak_memory"] == 110


def test_what_nobody_says_of_one_of_several_counts_as_its_own(tree):
    usage = Usage(1, reference="task:1", memory_limit=150)
    tree.unshared = {1: 60}
    assert looked(tree, usage, Figures(1, 100, 0), Figures(2, 100, 0)) == 160


def test_pages_are_not_counted_where_the_answer_is_known_without(tree):
    usage = Usage(1, reference="task:1", memory_limit=1000)
    looked(tree, usage, Figures(1, 500, 0))
    assert looked(tree, usage, Figures(1, 200, 0), Figures(2, 200, 0)) == 400
    assert tree.weighed == []


def test_shared_pages_count_once_after_a_peak_above_the_limit_too(tree):
    """As of an orphan that came and went between two looks."""
    usage = Usage(1, reference="task:1", memory_limit=150)
    usage._peak = 1000
    tree.unshared = {1: 60, 2: 50}
    assert looked(tree, usage, Figures(1, 100, 0), Figures(2, 100, 0)) == 110


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still, and the time that this thread has computed for."""
    found = SimpleNamespace(now=1000.0, computed=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: found.now)
    monkeypatch.setattr(module.time, "thread_time", lambda: found.computed)
    return found


def test_counting_pages_takes_no_more_than_its_share_of_the_time(tree, clock, monkeypatch):
    usage = Usage(1, reference="task:1", memory_limit=150)

    def weigh(pid):
        tree.weighed.append(pid)
        clock.computed += 0.05
        return 50

    monkeypatch.setattr(module, "unshared_memory", weigh)
    several = Figures(1, 100, 0), Figures(2, 100, 0)
    looked(tree, usage, *several)
    clock.now = usage.next_look
    looked(tree, usage, *several)
    assert len(tree.weighed) == 2
    clock.now = 1000.0 + 0.1 / module.URGENT_SHARE
    looked(tree, usage, *several)
    assert len(tree.weighed) == 4


def test_looks_at_very_many_processes_are_further_apart(clock, monkeypatch):
    usage = Usage(1, reference="task:1", memory_limit=10)

    def below(*_, **__):
        clock.computed += 0.02
        return []

    monkeypatch.setattr(module, "figures_below", below)
    usage.look()
    assert usage.next_look == pytest.approx(1000.0 + 0.02 / module.LOOKING_SHARE)


def test_a_look_does_not_wait_for_a_process_that_is_being_started(tree):
    usage = Usage(1, reference="task:1")
    held, done = threading.Event(), threading.Event()

    def hold():
        with spawning:
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    assert looked(tree, usage, Figures(1, 100, 0)) == 0
    done.set()
    holder.join()
    assert looked(tree, usage, Figures(1, 100, 0)) == 100


def ended(python, **keywords):
    child = python("import time\nwhile time.process_time() < 0.2: pass", **keywords)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    child.returncode = 0  # it is collected by the test
    return child.pid


def test_what_is_collected_counts(python):
    command = ended(python)
    usage = Usage(command, reference="task:1")
    assert usage.collect(command) == 0
    orphan = ended(python)
    assert usage.collect(orphan) == 0
    found = usage.read()
    assert 0.4 <= found["cpu_seconds"] < 2
    # By Linux's count what is executed begins with the peak of whoever started it.
    assert 5 * MB < found["peak_memory"] < 100 * MB + getrusage(RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT


def test_a_command_that_lives_is_not_collected(python):
    child = python(SLEEP)
    assert Usage(child.pid, reference="task:1").collect(child.pid) is None


def test_the_monitor_of_another_task_does_not_count(python):
    """One that was inherited, and ended before it was ever seen."""
    usage = Usage(1, reference="task:1")
    usage.collect(ended(python, start_new_session=True))
    assert usage.read() == {}


def test_processes_of_another_task_are_not_looked_at(python):
    other = python(SLEEP, env=os.environ | {TASK_VARIABLE: "other:1"})
    own = python(SLEEP, env=os.environ | {TASK_VARIABLE: "task:1"})
    usage = Usage(own.pid, reference="task:1")
    eventually(lambda: usage.look() or (own.pid in usage._own and other.pid not in usage._own))


@pytest.mark.parametrize("where", ["itself", "child", "orphan"])
def test_cpu_seconds_of_the_command_and_what_it_started_are_on_the_row(processes, where):
    task = processes.await_end(processes.launch("burn", 0.5, where))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert 0.5 <= task.cpu_seconds < 5
    assert 10 * MB < task.peak_memory < 300 * MB


@pytest.mark.parametrize("action", ["succeed", "segfault", "raise_value_error"])
def test_a_short_attempt_has_its_usage_on_the_row_too(processes, action):
    task = processes.await_end(processes.launch(action))
    assert task.cpu_seconds > 0
    assert task.peak_memory > 10 * MB


@pytest.mark.parametrize("way", ["killed", "cancelled"])
def test_an_attempt_that_was_ended_has_its_usage_on_the_row(processes, way):
    task = processes.launch_and_await_word("take_memory", 100 * MB)
    processes.await_word("taken")
    if way == "killed":
        processes.kill(task.command_pid)
    else:
        task.cancel()
    assert processes.await_end(task).peak_memory > 100 * MB


def test_the_usage_is_seen_while_the_command_runs_and_kept_when_it_is_lost(processes):
    task = processes.launch_and_await_word("burn_until_word")
    seen = eventually(lambda: processes.read(task).cpu_seconds)
    eventually(lambda: processes.read(task).cpu_seconds > seen)
    assert processes.read(task).peak_memory > 10 * MB
    processes.kill(task.monitor_pid)
    ended = processes.await_end(task)
    assert ended.status == Status.LOST
    assert ended.cpu_seconds > seen
