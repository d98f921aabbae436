"""What stands in for Django's two backends in its tests: this product's, used in two ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.tasks.backends import dummy, immediate

from brokerless import pausing
from brokerless.backend import ProcessBackend
from brokerless.models import TaskState
from brokerless.wait import wait
from tests.conformance.log_records import handle_again

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.tasks import Task, TaskResult

# Many times what any of the tests' tasks takes, from its start to its end, on a machine with other work.
LONGEST_TASK = 60.0  # seconds


class Recorded(ProcessBackend):
    """For the dummy: tasks are recorded, and none starts, as this host is paused; see `prepare()`."""

    @property
    def results(self) -> list[TaskResult]:
        """The results of all tasks, as the dummy lists them for tests."""
        ids = TaskState.objects.order_by("created_at").values_list("pk", flat=True)
        return [self.get_result(str(task_id)) for task_id in ids]

    def clear(self) -> None:
        """Forget all tasks, as the dummy does for tests."""
        TaskState.objects.all().delete()


class Finished(ProcessBackend):
    """For the backend that runs tasks at once: a task is run by its process, and its end awaited."""

    pids: ClassVar[set[int | None]] = set()  # of the processes that ran tasks

    def enqueue(self, task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TaskResult:
        pausing.resume()
        try:
            result = super().enqueue(task, args, kwargs)
            ended = wait(TaskState.objects.get(pk=result.id), timeout=LONGEST_TASK)
        finally:
            pausing.pause()
        self.pids.add(ended.command_pid)
        handle_again(result.id)
        result.refresh()
        return result


def stand_in() -> None:
    """Have both names mean these; before the tests are imported, which import and quote them."""
    dummy.DummyBackend = Recorded
    immediate.ImmediateBackend = Finished


def prepare() -> None:
    """Begin a test: with no task, and with this host paused."""
    TaskState.objects.all().delete()
    pausing.pause()
