"""The process that starts a task is killed or stopped at each step, and others take over: one run, never two."""

from __future__ import annotations

import signal

import pytest

from brokerless import reap, tick
from brokerless.dispatch import dispatch
from brokerless.models import TaskState
from brokerless.processes import task_of
from tests.eventually import eventually
from tests.faults.evidence import assert_ended_as, assert_nothing_is_left, effects, let_the_start_time_out
from tests.faults.others import AFTER_THE_SPAWN, BEFORE_THE_SPAWN, KILL_ITSELF, STOP_ITSELF, await_stop
from tests.real_processes import is_alive

Status = TaskState.Status
KILLED_BEFORE_THE_SPAWN = BEFORE_THE_SPAWN.format(act=KILL_ITSELF)
STOPPED_BEFORE_THE_SPAWN = BEFORE_THE_SPAWN.format(act=STOP_ITSELF)
DISPATCH = "from brokerless.dispatch import dispatch\ndispatch()\n"


def the_end(processes, *, within=20.0):
    """Let the probe go on, and return the row of the only task once it is finished."""
    task = TaskState.objects.get()
    processes.await_word("started", task)
    processes.say()
    return processes.await_end(task, within=within)


def test_a_launching_process_killed_before_the_spawn_leaves_the_task_to_the_next(processes, others):
    assert others.launch("work_at_word", first=KILLED_BEFORE_THE_SPAWN).wait(20) == -9
    task = TaskState.objects.get()
    assert (task.status, task.monitor_pid) == (Status.STARTING, None)
    tick.tick()
    assert processes.read(task).status == Status.STARTING, "it may still be on its way"

    let_the_start_time_out()
    assert tick.tick() == (1, 1)

    ended = the_end(processes)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert (ended.lease, ended.attempt, ended.claims_in_vain) == (2, 1, 0)
    assert effects(processes) == ["begun 2", "done 2"]
    assert_nothing_is_left(processes, ended)


def test_a_task_whose_dispatchers_are_all_killed_is_given_up_after_the_third(processes, others):
    assert others.launch("work_at_word", first=KILLED_BEFORE_THE_SPAWN).wait(20) == -9
    for lease in (1, 2, 3):
        task = TaskState.objects.get()
        assert (task.status, task.lease) == (Status.STARTING, lease)
        let_the_start_time_out()
        assert reap.reap() == 1
        if lease < 3:
            assert others.start(KILLED_BEFORE_THE_SPAWN + DISPATCH).wait(20) == -9
    assert_ended_as(TaskState.objects.get(), Status.FAILED, "The task was taken 3 times, but each time")
    assert effects(processes) == []


@pytest.mark.parametrize(
    "code", [AFTER_THE_SPAWN.format(act=KILL_ITSELF), AFTER_THE_SPAWN.format(act=STOP_ITSELF)]
)
def test_a_launching_process_that_ends_before_it_noted_the_process_is_no_harm(processes, others, code):
    launching = others.launch("work_at_word", first=code)
    if "SIGSTOP" in code:
        await_stop(launching)
    else:
        assert launching.wait(20) == -9
    ended = the_end(processes)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert effects(processes) == ["begun 1", "done 1"]
    assert_nothing_is_left(processes, ended)


def test_a_process_that_was_never_noted_is_ended_when_its_task_is_put_back(processes, others):
    """Its launching process was killed, and it hangs itself: the next claim must not run beside it."""
    hang = "os.environ['TEST_PROBES'] = 'tests.probes.apps.HangingConfig'\n"
    code = AFTER_THE_SPAWN.format(act=KILL_ITSELF) + hang
    assert others.launch("work_at_word", first=code).wait(20) == -9
    left = processes.living()
    assert len(left) == 1

    let_the_start_time_out()
    assert tick.tick() == (1, 1)

    eventually(lambda: not processes.is_alive(left[0].pid))
    assert_ended_as(the_end(processes), Status.SUCCESSFUL)
    assert effects(processes) == ["begun 2", "done 2"]


@pytest.mark.parametrize("resumes", ["before the second claims", "after the second has begun", "after the end"])
def test_a_dispatcher_that_is_believed_dead_and_goes_on_starts_nothing_twice(processes, others, resumes):
    first = others.launch("work_at_word", first=STOPPED_BEFORE_THE_SPAWN)
    await_stop(first)
    let_the_start_time_out()
    assert reap.reap() == 1
    assert TaskState.objects.get().status == Status.READY
    if resumes == "before the second claims":
        resume_and_await_its_process(processes, first)
    dispatch()
    task = TaskState.objects.get()
    processes.await_word("started", task)
    if resumes == "after the second has begun":
        resume_and_await_its_process(processes, first)
        assert is_alive(processes.read(task), "command")
    ended = the_end(processes)
    if resumes == "after the end":
        resume_and_await_its_process(processes, first)
    assert_ended_as(ended, Status.SUCCESSFUL)
    assert (ended.lease, ended.attempt) == (2, 1)
    assert effects(processes) == ["begun 2", "done 2"]
    assert processes.read(task).finished_at == ended.finished_at
    assert_nothing_is_left(processes, ended)


def resume_and_await_its_process(processes, launching):
    """Let a stopped launching process go on until it has ended, and so has the process that it starts too late."""
    late = f"{TaskState.objects.get().pk}:1"
    processes.kill(launching.pid, signal.SIGCONT)
    launching.communicate(timeout=20)
    eventually(
        lambda: late not in {task_of(process.pid) for process in processes.living()},
        why="the late process has ended",
    )
