"""Commands that a test itself writes, for tasks that run in its own process."""

from __future__ import annotations

from brokerless import current_task, launch, track
from brokerless.runtime_dir import TaskFiles
from tests.probes import endings


class Doing:
    """A probe that the test itself writes: `do(function)` launches a command that calls it."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def __call__(self, function, **keywords):
        self.replace(function)
        return launch("probe", arguments=["done_by_the_test"], **keywords)

    def replace(self, function):
        def call(_directory):
            function()

        self._monkeypatch.setattr(endings, "done_by_the_test", call, raising=False)


def fail_with(error):
    def fail():
        raise error

    return fail


def log_of(task):
    return TaskFiles(task.pk, task.lease).log.read_text()


def cancel_oneself():
    current_task().state.cancel()
    for _ in track(range(3)):
        pass
