"""The limits of a task: what is over them is ended, with the reason, and nothing else is."""

from __future__ import annotations

import os

import pytest

from brokerless import outcome
from brokerless.limits import LARGEST_GROWTH, MEMORY_GRACE, Limits
from brokerless.models import TaskState
from brokerless.stop import Stop
from tests.eventually import eventually
from tests.real_processes import describe

Status = TaskState.Status
MB = 1_000_000
SOON = 10.0  # seconds: far below what any of the commands would take


def enforce(limits, stop=None, *, at, memory=0):
    return limits.enforce(stop, now=at, memory=memory)


def test_within_its_limits_nothing_is_ended():
    limits = Limits(60, 100, grace=10, began=1000.0)
    assert enforce(limits, at=1059.9, memory=100) is None
    assert limits.next_change(None) == 1060.0


def test_without_limits_nothing_is_ended():
    limits = Limits(None, None, grace=10, began=1000.0)
    assert enforce(limits, at=1e9, memory=10**15) is None
    assert limits.next_change(None) is None


def test_after_its_time_a_command_is_ended_with_the_grace_of_a_cancel():
    limits = Limits(60, None, grace=10, began=1000.0)
    stop = enforce(limits, at=1060.0)
    assert (stop.outcome, stop.grace, stop.began) == (outcome.timed_out(60), 10, 1060.0)
    assert limits.next_change(stop) is None


def test_above_its_memory_a_command_is_ended_with_a_short_grace():
    limits = Limits(60, 100, grace=10, began=1000.0)
    stop = enforce(limits, at=1001.0, memory=101)
    assert (stop.outcome, stop.grace) == (outcome.memory_exceeded(100), MEMORY_GRACE)
    assert enforce(limits, stop, at=1002.0, memory=101) is stop
    assert stop.grace == MEMORY_GRACE


def test_what_goes_on_taking_memory_is_killed_at_once():
    limits = Limits(None, 100, grace=10)
    stop = enforce(limits, at=1001.0, memory=300)
    enforce(limits, stop, at=1001.25, memory=int(300 * LARGEST_GROWTH))
    assert stop.began + stop.grace == 1001.0 + MEMORY_GRACE
    enforce(limits, stop, at=1001.5, memory=int(300 * LARGEST_GROWTH) + 1)
    assert stop.began + stop.grace == 1001.5
    assert stop.outcome == outcome.memory_exceeded(100)


def test_what_a_command_is_ended_for_first_is_its_outcome():
    limits = Limits(60, 100, grace=10, began=1000.0)
    cancelled = Stop(outcome.cancelled(), grace=10, began=1059.0)
    assert enforce(limits, cancelled, at=1061.0) is cancelled
    assert enforce(limits, cancelled, at=1062.0, memory=101).outcome == outcome.cancelled()
    assert cancelled.began + cancelled.grace == 1062.0 + MEMORY_GRACE  # but waited for less long


def ended_for(task, kind, title):
    assert (task.status, task.error_type) == (Status.FAILED, kind), describe(task)
    assert task.error_title == title


@pytest.mark.system
class TestTime:
    TITLE = "The command ran longer than 0.8 s."

    @pytest.fixture
    def impatient(self, processes):
        processes.configure(CANCEL_GRACE=0.5)
        return processes

    def test_a_command_that_sleeps_is_ended_and_cleans_up(self, processes):
        task = processes.launch_and_await_word("sleep_long", timeout=0.8)
        ended = processes.await_end(task, within=SOON, look=False)
        ended_for(ended, "timed-out", self.TITLE)
        assert processes.has_heard("cleaned")
        assert 0.8 <= (ended.finished_at - ended.started_at).total_seconds() < 5

    @pytest.mark.parametrize("action", ["ignore_term", "add_for_ever", "stop_and_ignore_term"])
    def test_a_command_that_does_not_hear_sigterm_is_killed(self, impatient, action):
        task = impatient.launch_and_await_word(action, timeout=0.8)
        ended = impatient.await_end(task, within=SOON, look=False)
        ended_for(ended, "timed-out", self.TITLE)
        assert ended.exit_signal == 9

    @pytest.mark.parametrize("action", ["stop_itself", "match_for_ever"])
    def test_a_command_that_is_stopped_or_searches_for_ever_is_ended(self, processes, action):
        task = processes.launch_and_await_word(action, timeout=0.8)
        ended_for(processes.await_end(task, within=SOON, look=False), "timed-out", self.TITLE)

    def test_what_it_started_in_a_session_of_its_own_is_ended_with_it(self, processes):
        task = processes.launch_and_await_word("start_session", timeout=0.8)
        ended_for(processes.await_end(task, within=SOON, look=False), "timed-out", self.TITLE)
        assert not processes.is_alive(processes.await_word("grandchild"))

    def test_a_command_that_returns_all_the_same_is_successful(self, processes):
        task = processes.launch_and_await_word("return_on_term", timeout=0.8)
        ended = processes.await_end(task, within=SOON, look=False)
        assert (ended.status, ended.result) == (Status.SUCCESSFUL, "finished all the same"), describe(ended)

    def test_a_command_within_its_time_is_left_alone(self, processes):
        ended = processes.await_end(processes.launch("succeed", timeout=60))
        assert ended.status == Status.SUCCESSFUL, describe(ended)

    def test_a_task_that_is_cancelled_while_its_time_is_over_is_cancelled(self, processes):
        processes.configure(CANCEL_GRACE=3)
        task = processes.launch_and_await_word("swallow_first_term", timeout=0.8)
        processes.await_word("survived", task)
        assert task.cancel()
        ended = processes.await_end(task, within=SOON)
        assert (ended.status, ended.error_type) == (Status.CANCELLED, ""), describe(ended)

    def test_an_attempt_that_took_too_long_is_followed_by_another(self, processes):
        processes.configure(RETRY_PAUSE=0.01)
        task = processes.launch("sleep_long", timeout=0.8, max_attempts=2)
        ended = processes.await_end(task, look=False)
        ended_for(ended, "timed-out", self.TITLE)
        assert [error["title"] for error in ended.errors] == [self.TITLE]
        assert ended.attempt == 2


@pytest.mark.system
class TestMemory:
    LIMIT = 200 * MB
    TITLE = "The command used more than 200 MB."

    @pytest.mark.parametrize("pause", [0, 0.02])
    def test_a_command_that_takes_more_is_ended_and_cleans_up(self, processes, pause):
        task = processes.launch("take_memory", 3000 * MB, pause, memory_limit=self.LIMIT)
        ended = processes.await_end(task, within=SOON, look=False)
        ended_for(ended, "memory-limit", self.TITLE)
        assert ended.peak_memory > self.LIMIT
        if pause:
            assert ended.peak_memory < 2 * self.LIMIT
            assert processes.has_heard("cleaned")

    def test_what_its_child_takes_counts(self, processes):
        task = processes.launch("take_memory_in_a_child", 300 * MB, memory_limit=self.LIMIT)
        ended = processes.await_end(task, within=SOON, look=False)
        ended_for(ended, "memory-limit", self.TITLE)
        assert ended.peak_memory > self.LIMIT  # it may be met before it has all of them

    def test_forks_that_share_memory_are_left_alone(self, processes):
        """Five processes of some 160 MB each, of which all but a little is the same."""
        task = processes.launch_and_await_word("share_memory", 100 * MB, 4, memory_limit=300 * MB)
        first = processes.read(task).version
        eventually(lambda: processes.read(task).version >= first + 2, why="it was looked at several times")
        processes.say()
        ended = processes.await_end(task)
        assert ended.status == Status.SUCCESSFUL, describe(ended)
        assert 100 * MB < ended.peak_memory < 300 * MB

    def test_forks_that_write_to_what_they_shared_are_not(self, processes):
        task = processes.launch("unshare_memory", 100 * MB, 4, memory_limit=300 * MB)
        ended = processes.await_end(task, within=SOON, look=False)
        ended_for(ended, "memory-limit", "The command used more than 300 MB.")

    def test_a_command_within_its_memory_is_left_alone(self, processes):
        processes.say()
        ended = processes.await_end(processes.launch("take_memory", 50 * MB, memory_limit=400 * MB))
        assert ended.status == Status.SUCCESSFUL, describe(ended)


@pytest.mark.system
class TestNiceness:
    def test_the_command_and_what_it_starts_are_nice_and_its_monitor_is_not(self, processes):
        ended = processes.await_end(processes.launch("niceness", nice=7))
        assert ended.result == {"command": 7, "program": 7, "monitor": 0}, describe(ended)

    def test_without_a_word_the_command_is_as_nice_as_anything(self, processes):
        ended = processes.await_end(processes.launch("niceness"))
        assert ended.result == {"command": 0, "program": 0, "monitor": 0}, describe(ended)

    def test_a_queue_has_limits_for_all_its_tasks(self, processes):
        limits = {"nice": 5, "timeout": 50, "memory_limit": 1 * MB}
        processes.configure(QUEUES={"nightly": limits})
        task = processes.launch("return_at_word", queue="nightly")
        ended_for(processes.await_end(task, look=False), "memory-limit", "The command used more than 1 MB.")
        assert (task.nice, task.timeout) == (5, 50)

    def test_a_prefix_that_is_nicer_is_left_alone(self, processes):
        processes.configure(PREFIX=["nice", "-n", "9"])
        ended = processes.await_end(processes.launch("niceness", nice=3))
        assert ended.result["command"] == min(19, os.nice(0) + 9), describe(ended)
