"""What is looked at after a fault: the effects that were had, and what was left behind."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.probes.effects import HALF, LEDGER, PUBLISHED
from tests.real_processes import describe, is_alive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real_processes import RealProcesses

# DESIGN §7: how soon a crash is in the row.
COMMAND_S_CRASH_WITHIN, MONITOR_S_CRASH_WITHIN = 1.0, 2.0  # seconds
# After the row says the end, whoever wrote it removes what was left.
REMOVED_WITHIN = 2.0
LONG_AGO = timedelta(hours=1)


def effects(processes: RealProcesses) -> list[str]:
    """Return the lines of the ledger: what was done, and under which lease."""
    with suppress(FileNotFoundError):
        return (processes.words / LEDGER).read_text().splitlines()
    return []


def published(processes: RealProcesses) -> list[Path]:
    """Return the file that was published, and the mails that were sent."""
    mails = processes.directory / "mail"
    return [*processes.words.glob(PUBLISHED), *(mails.iterdir() if mails.exists() else [])]


def assert_ended_as(task: TaskState, status: TaskState.Status, title: str = "") -> None:
    assert task.status == status, describe(task)
    assert title in task.error_title, describe(task)
    assert task.finished_at is not None


def assert_nothing_is_left(processes: RealProcesses, task: TaskState) -> None:
    """Assert that neither process lives, and that no file is left but the log."""
    for role in ("monitor", "command"):
        if getattr(task, f"{role}_pid"):
            eventually(lambda role=role: not is_alive(task, role), why=f"the {role} has ended")
    directory = processes.directory / "runtime" / str(task.pk)
    eventually(
        lambda: all(".log" in path.suffixes for path in directory.glob("*")),
        within=REMOVED_WITHIN,
        why="only logs",
    )
    eventually(lambda: not (processes.words / HALF).exists(), within=REMOVED_WITHIN, why="no half of a file")


def let_the_start_time_out() -> None:
    """Let every claim be one of long ago, as if START_TIMEOUT had passed."""
    claimed = TaskState.objects.filter(status=TaskState.Status.STARTING)
    assert claimed.update(claimed_at=timezone.now() - LONG_AGO)
