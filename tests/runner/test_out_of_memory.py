"""Want of memory is found by the kernel's own count."""

from __future__ import annotations

import pytest

from brokerless import out_of_memory
from brokerless.models import TaskState
from tests.real_processes import describe


@pytest.fixture
def kernel(tmp_path):
    """A made-up /proc and /sys/fs/cgroup."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "groups" / "site").mkdir(parents=True)
    (tmp_path / "proc" / "vmstat").write_text("pgfault 12345\noom_kill 7\n")
    return tmp_path


def kills(kernel):
    return out_of_memory.kills(proc=kernel / "proc", cgroups=kernel / "groups")


def test_the_own_control_group_s_count_is_taken(kernel):
    (kernel / "proc" / "self" / "cgroup").write_text("1:name=systemd:/\n0::/site\n")
    (kernel / "groups" / "site" / "memory.events").write_text("max 9\noom 4\noom_kill 3\noom_group_kill 0\n")
    assert kills(kernel) == 3


@pytest.mark.parametrize("groups", ["0::/other\n", "4:memory:/site\n", ""])
def test_without_one_the_whole_machine_s_is(kernel, groups):
    (kernel / "proc" / "self" / "cgroup").write_text(groups)
    assert kills(kernel) == 7


def test_where_nobody_counts_there_is_no_number(tmp_path):
    assert kills(tmp_path) is None


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [(3, 4, True), (3, 3, False), (None, 4, False), (3, None, False), (4, 3, False)],
)
def test_only_a_count_that_grew_says_something(monkeypatch, before, now, found):
    monkeypatch.setattr(out_of_memory, "kills", lambda: now)
    assert out_of_memory.has_killed_since(before) is found


@pytest.mark.system
def test_a_command_that_is_killed_while_there_is_memory_is_told_as_killed(processes):
    ended = processes.await_end(processes.launch("kill_itself", 9))
    assert (ended.status, ended.error_type) == (TaskState.Status.FAILED, "killed-by-signal"), describe(ended)
