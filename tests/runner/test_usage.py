"""What a task's processes use is seen while they live, and known when they have ended, whichever way."""

from __future__ import annotations

import os
import threading
from resource import RUSAGE_SELF, getrusage
from types import SimpleNamespace

import pytest

from brokerless import usage as module
from brokerless.models import TaskState
from brokerless.process_tree import Figures
from brokerless.processes import TASK_VARIABLE, spawning
from brokerless.usage import MAXRSS_UNIT, Usage
from tests.eventually import eventually
from tests.real_processes import describe

pytestmark = pytest.mark.system

Status = TaskState.Status
MB = 1_000_000
SLEEP = "import time; time.sleep(600)"


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
