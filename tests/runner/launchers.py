"""Launchers that start nothing, and the ready tasks that they are to start."""

from __future__ import annotations

from brokerless.exceptions import SpawnError
from brokerless.launchers.base import Launcher
from brokerless.models import TaskState


class RecordingLauncher(Launcher):
    """Starts nothing, and remembers what it was to start."""

    started: list[str] = []

    def start(self, task):
        self.started.append(task.title)


class RefusingLauncher(Launcher):
    def start(self, task):
        raise SpawnError("no such program")


class CrashingLauncher(RecordingLauncher):
    def start(self, task):
        if task.title == "1":
            raise RuntimeError("can't start new thread")
        super().start(task)


def make_ready(count, *, titles="{}", **fields):
    """Record so many ready tasks, titled 1, 2, …, the oldest first."""
    return [
        TaskState.objects.create(command="probe", title=titles.format(number), **fields)
        for number in range(1, count + 1)
    ]


def statuses():
    return dict(TaskState.objects.values_list("title", "status"))
