"""What is wrong at the end of a run: every lie of a row, and everything that was left behind."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from brokerless.models import TaskState
from tests.chaos.behaviours import WHOLE
from tests.chaos.history import Attempt
from tests.chaos.ledger import DIRECTORY_VARIABLE
from tests.chaos.plan import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.chaos.history import History

Status = TaskState.Status
# What the database's clock may be behind: SQLite's says milliseconds.
CLOCK = 0.01  # seconds
LEFTOVERS = ("*.partial", "*.draft", "*.finish", "*.temporary", "*.cancel")
# How a task may end whose command never began: a short START_TIMEOUT, an absence, launchers that died.
NEVER_BEGUN = frozenset({"not-spawned", "exited-at-start", "start-timed-out"})


class Finding(NamedTuple):
    """One thing that is wrong: its column of the tally, the task, and what."""

    column: str
    task: str
    text: str


def all_rows() -> list[TaskState]:
    return list(TaskState.objects.order_by("created_at"))


def of_rows(rows: list[TaskState], history: History) -> list[Finding]:
    """Return what the ledger, which is to be read after the rows, says against them."""
    found = []
    starts = Counter(start.attempt for start in history.starts)
    for task in rows:
        attempts = sorted(attempt for attempt in starts if attempt.task == str(task.pk))
        checks = {
            "not finished": _not_finished(task),
            "run twice": _run_twice(task, attempts, starts, history) if task.is_finished else (),
            "lies": [*_lies(task, history), *_late(task, history), *_attempts(task)] if task.is_finished else (),
            "wrong ends": _wrong_end(task, history) if task.is_finished else (),
        }
        found += [
            Finding(column, str(task.pk), f"{text} – {describe(task)}")
            for column, texts in checks.items()
            for text in texts
        ]
    return found


def _not_finished(task: TaskState) -> Iterator[str]:
    if not task.is_finished:
        yield "was never finished"


def _run_twice(
    task: TaskState, attempts: list[Attempt], starts: Counter[Attempt], history: History
) -> Iterator[str]:
    if len(attempts) > task.attempt or task.attempt > task.max_attempts:
        yield f"{len(attempts)} attempts began, {task.attempt} are on the row, {task.max_attempts} were allowed"
    for attempt in attempts:
        if starts[attempt] > 1:
            yield f"the attempt of lease {attempt.lease} began {starts[attempt]} times"
        if len(history.effects[attempt]) > 1:
            yield f"the attempt of lease {attempt.lease} had its effect {len(history.effects[attempt])} times"


def _lies(task: TaskState, history: History) -> Iterator[str]:
    """Tell what the row says that is not so."""
    last = Attempt(str(task.pk), task.lease)
    kind = task.options["kind"]
    if task.status == Status.SUCCESSFUL and last not in history.ends:
        yield "is SUCCESSFUL, but its command did not end well"
    if task.status == Status.SUCCESSFUL and len(history.effects[last]) != 1:
        yield f"is SUCCESSFUL, but had its effect {len(history.effects[last])} times"
    if task.status == Status.SUCCESSFUL and KINDS[kind].ends[0] != Status.SUCCESSFUL:
        yield "is SUCCESSFUL, which its command cannot be"
    if task.status == Status.CANCELLED and not (str(task.pk) in history.cancelled and task.cancel_requested_at):
        yield "is CANCELLED, but nobody asked for it"
    if task.status == Status.FAILED and task.cancel_requested_at:
        yield "is FAILED, but was to be cancelled"
    if task.unique_key:
        yield "is finished, but holds its unique key"


def _late(task: TaskState, history: History) -> Iterator[str]:
    """Tell what a process did after its task was finished."""
    finished = task.finished_at.timestamp() + CLOCK
    for start in history.starts:
        if start.attempt.task == str(task.pk) and start.wall > finished:
            yield f"began {start.wall - finished:.3f} s after it was finished"
    for attempt, effects in history.effects.items():
        for effect in effects:
            if attempt.task == str(task.pk) and effect["wall"] > finished:
                yield f"had its effect {effect['wall'] - finished:.3f} s after it was finished"


def _attempts(task: TaskState) -> Iterator[str]:
    """Tell what is wrong with the number of attempts and their errors."""
    numbers = [error["attempt"] for error in task.errors]
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) not in (task.attempt, task.attempt - 1):
        yield f"is at attempt {task.attempt}, but has errors of the attempts {numbers}"
    if task.status == Status.SUCCESSFUL and len(numbers) != task.attempt - 1:
        yield f"is SUCCESSFUL at attempt {task.attempt}, but has errors of the attempts {numbers}"
    is_failure = task.status in {Status.FAILED, Status.LOST} and not task.cancel_requested_at
    if is_failure and task.attempt < task.max_attempts and not _is_final(task):
        yield f"was not tried again after attempt {task.attempt} of {task.max_attempts}"


def _is_final(task: TaskState) -> bool:
    """Tell whether another attempt would have been wrong, or nobody's to make: its command may still run."""
    return is_given_up(task) or task.error_type in NEVER_BEGUN | {"FinalError"}


def is_given_up(task: TaskState) -> bool:
    """Tell whether another host gave the task up, as its heartbeat stood still."""
    return task.status == Status.LOST and task.error_title.startswith("Nothing has been heard")


def _wrong_end(task: TaskState, history: History) -> Iterator[str]:
    """Tell whether a task to which nothing was done ended otherwise than its command does."""
    if str(task.pk) in history.touched | history.cancelled:
        return
    kind = KINDS[task.options["kind"]]
    if (task.status, task.error_type) != kind.ends and not _is_excused(task, history):
        yield f"nothing was done to it, but it did not end as {' '.join(kind.ends).strip()}"


def _is_excused(task: TaskState, history: History) -> bool:
    """Tell whether the database's absence or the death of who was to start it explains the end of a task."""
    if task.error_type in {"not-spawned", "start-timed-out"}:
        # Three times a process died between its claim and the spawn; or a slow machine, and a short START_TIMEOUT.
        return task.error_title.startswith(("The task was taken", "The command had not", "Nothing has been heard"))
    if task.error_type == "exited-at-start" or task.options["kind"] == "read_row":
        return history.was_database_away(task.claimed_at.timestamp(), task.finished_at.timestamp())
    return False


def describe(task: TaskState) -> str:
    """Return what is on a row, in one line."""
    names = ("status", "lease", "attempt", "max_attempts", "queue", "error_type", "error_title")
    names += ("exit_code", "exit_signal", "claims_in_vain", "host", "monitor_pid", "command_pid")
    names += ("created_at", "claimed_at", "started_at", "heartbeat_at", "stale_since", "cancel_requested_at")
    names += ("finished_at", "errors")
    return f"{task.options['kind']}: " + ", ".join(f"{name}={getattr(task, name)}" for name in names)


def of_files(directory: Path, history: History) -> list[Finding]:
    """Return the temporary files that are left, and the files under a final name that are not whole."""
    left = {Path(path) for path in history.temporary if Path(path).exists()}
    left |= {path for pattern in LEFTOVERS for path in directory.glob(f"runtime-*/**/{pattern}")}
    found = [Finding("leaked files", path.name, str(path)) for path in sorted(left)]
    found += [
        Finding("partial files", path.name, str(path))
        for path in sorted((directory / "files").glob("*.txt"))
        if not path.read_text().endswith(WHOLE)
    ]
    return found


def strays(directory: Path, history: History, spared: Iterable[int]) -> list[Finding]:
    """Return the processes of the run that are there, but for the spared ones."""
    spared = {os.getpid(), *spared}
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            is_marked = process.environ().get(DIRECTORY_VARIABLE) == str(directory)
            if is_marked and process.pid not in spared:
                found[process.pid] = " ".join(process.cmdline())
    found |= {one.pid: "left by a command" for one in history.descendants if one.is_alive}
    return [Finding("stray processes", str(pid), text) for pid, text in found.items()]


def kill_strays(directory: Path, history: History) -> None:
    """Leave nothing behind, however the run went."""
    for finding in strays(directory, history, ()):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(finding.task)).kill()


def zombies() -> list[Finding]:
    """Return the processes below this one's parent, which inherits every orphan, that nobody has collected."""
    found = []
    for process in psutil.Process(os.getppid()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                text = f"{process.name()}, a child of {process.ppid()}"
                found.append(Finding("zombies", str(process.pid), text))
    return found
