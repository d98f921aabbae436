"""What takes the place of processes in a site's own tests: `brokerless.testing` puts it there, and nobody else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from brokerless.models import TaskState


class Substitute(Protocol):
    """Runs tasks in the process that launches them, or does not run them.

    is_at_commit: what is to be done after a commit is left to the commit, which never comes in a `TestCase`.
    """

    is_at_commit: bool
    runtime_directory: Path

    def see_to(self, task: TaskState) -> None:
        """Do, within `launch()`, what is done in place of dispatching."""

    def stop(self, task: TaskState) -> None:
        """Heed that a task was asked to stop."""

    def tell(self, listeners: Callable[[], None]) -> None:
        """Call the listeners of a signal, in the transaction of which the signal tells."""


_substitute: Substitute | None = None


def substitute() -> Substitute | None:
    """Return what is in the place of processes; None wherever tasks have processes of their own."""
    return _substitute


def is_test_run() -> bool:
    """Tell whether Django's test environment is set up in this process.

    Django says so nowhere in public. Not the mail's outbox: the backend that keeps mails in memory makes one too.
    """
    test_utils = sys.modules.get("django.test.utils")
    return test_utils is not None and hasattr(test_utils._TestState, "saved_data")  # noqa: SLF001


def is_bare_test_run() -> bool:
    """Tell whether this is a test whose runtime directory is the site's: its database knows none of the tasks."""
    return _substitute is None and is_test_run()


@contextmanager
def substituted(by: Substitute) -> Iterator[None]:
    """Put something in the place of processes, in all threads of this process, until the block ends."""
    global _substitute
    before, _substitute = _substitute, by
    try:
        yield
    finally:
        _substitute = before
