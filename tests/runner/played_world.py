"""The world in which the transitions are tried out: hosts, processes that live or not, and what starts them."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from typing import NamedTuple

from django.db.models import F

from brokerless import finish, outcome, transitions
from brokerless.exceptions import SpawnError
from brokerless.launchers.base import Launcher
from brokerless.models import TaskState
from brokerless.outcome import Outcome
from brokerless.processes import Process

Status = TaskState.Status
OUTCOMES = {
    "success": Outcome(Status.SUCCESSFUL, result=[1], exit_code=0),
    "failure": Outcome(Status.FAILED, error_type="ValueError", error_title="no", exit_code=1),
    "final": Outcome(Status.FAILED, error_type="FinalError", error_title="never", exit_code=1, is_final=True),
}


class World:
    """What the actors share: who lives, on which host the acting one is, and what becomes of what is started."""

    def __init__(self):
        self.rows = None
        self.alive = set()
        self.host = "here"
        self.is_mistaken = False
        self.is_dispatching = False
        self.fates = []
        self.started = []
        self.pids = itertools.count(1000)
        self.told = Counter()

    def note_told(self, task, **_):
        """Listen to the ends of tasks."""
        self.told[task.pk] += 1


world = World()


class LookedUp(NamedTuple):
    """A process as the acting host sees it; one that is mistaken takes all for dead."""

    pid: int
    start: int

    @property
    def is_alive(self):
        return self.pid in world.alive and not world.is_mistaken


class FatefulLauncher(Launcher):
    """Starts a process, or dies before, or dies before it has noted it, or cannot start it."""

    def start(self, task):
        fate = world.fates.pop(0) if world.fates else "noted"
        if fate == "refused":
            raise SpawnError("no such program")
        if fate == "died before":
            return
        process = Process(next(world.pids), 1)
        world.alive.add(process.pid)
        world.started.append(Monitor(task.pk, task.lease, process, world.host))
        if fate == "noted":
            transitions.note_process(task, process)


class Monitor:
    """A process that was started for a lease, and what it knows."""

    def __init__(self, task_id, lease, process, host):
        self.task_id, self.lease, self.process, self.host = task_id, lease, process, host
        self.task = None  # the row as it was adopted
        self.is_to_stop = False

    def __repr__(self):
        return f"Monitor({str(self.task_id)[:4]}:{self.lease}, {self.process.pid})"

    @property
    def lives(self):
        return self.process.pid in world.alive

    def adopt(self):
        own = {"name": "probe", "host": self.host, "monitor": self.process, "command": self.process}
        if transitions.adopt(self.task_id, self.lease, **own):
            self.task = TaskState.objects.get(pk=self.task_id)
            assert (self.task.lease, self.task.monitor_pid) == (self.lease, self.process.pid)
        else:
            world.alive.discard(self.process.pid)

    def beat(self):
        found = transitions.beat(self.task_id, self.lease, {"progress_current": 1})
        self.is_to_stop |= found.cancel_requested
        if not found.owned:
            world.alive.discard(self.process.pid)
        else:
            assert TaskState.objects.get(pk=self.task_id).monitor_pid == self.process.pid

    def end(self, how):
        found = outcome.cancelled() if self.is_to_stop and how != "success" else OUTCOMES[how]
        finish.finish(self.task, found, measured={"cpu_seconds": 1.0})
        world.alive.discard(self.process.pid)


def let_time_pass(seconds):
    times = ("claimed_at", "heartbeat_at", "stale_since", "run_after")
    TaskState.objects.unfinished().update(**{name: F(name) - timedelta(seconds=seconds) for name in times})


def kill_tree(process, **_):
    """Kill a process; who is mistaken about who is dead looks in the wrong place."""
    if not world.is_mistaken:
        world.alive.discard(process.pid)


def kill_marked(marks):
    """Kill what carries a lease, and say that nothing is left; who is mistaken sees nothing to kill."""
    for monitor in world.started:
        if not world.is_mistaken and any(mark.endswith(f"{monitor.task_id}:{monitor.lease}") for mark in marks):
            world.alive.discard(monitor.process.pid)
    return 0
