"""The backend of Django's tasks: each runs in a process of its own, with no worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from brokerless import queues
from brokerless.functions.framework import BaseTaskBackend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.core.checks import CheckMessage

    from brokerless.functions.framework import Task, TaskResult


class ProcessBackend(BaseTaskBackend):
    """A task is an ordinary row of `TaskState`, whose id is the result's; see docs/django-tasks.md.

    OPTIONS: timeout, memory_limit, nice and max_attempts for the tasks of queues that BROKERLESS["QUEUES"] says
    nothing else for.
    """

    # Made while decorators run, before there are any models: those are imported when they are used.

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TaskResult:
        """Record a call of the task and return its result at once; it starts after the commit.

        Raises InvalidTask; TypeError or ValueError for arguments that cannot be stored as JSON.
        """
        from brokerless.functions.results import result_of
        from brokerless.launching import launch

        if task.backend != self.alias:
            task = task.using(backend=self.alias)
        state = launch(task, arguments=args, options=kwargs)
        return result_of(state, task=task)

    def get_result(self, result_id: str) -> TaskResult:
        """Return the result of that id, as its row has it now. Raises TaskResultDoesNotExist."""
        from brokerless.functions.results import find_result

        return find_result(result_id, alias=self.alias)

    @property
    def limits(self) -> dict[str, Any]:
        """What OPTIONS says of the limits of tasks. Raises ImproperlyConfigured when it says it wrongly."""
        if problems := self.problems():
            raise ImproperlyConfigured(f"TASKS[{self.alias!r}]: {' '.join(problems)}")
        return self.options

    def problems(self) -> list[str]:
        """Return a sentence for everything that is wrong with OPTIONS and QUEUES."""
        names = sorted(self.queues, key=str)
        return [*queues.option_problems(self.options), *filter(None, map(queues.name_problem, names))]

    def check(self, **_: Any) -> Iterator[CheckMessage]:
        """Look at OPTIONS and QUEUES, and at what the backend needs of the site."""
        from brokerless.functions.checks import check_backend

        yield from check_backend(self)
