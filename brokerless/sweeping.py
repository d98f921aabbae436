"""Removing files from the runtime directory: those of purged tasks, and what belongs to no task any more.

Everything happens below an open directory and by bare names, so that no symbolic link is ever followed. What
belongs to another user, or cannot be removed, is left alone and said.
"""

from __future__ import annotations

import os
import random
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone

from brokerless import directory_stamp, inline
from brokerless.models import TaskState
from brokerless.processes import task_of
from brokerless.runtime_dir import create_private_directory, noted_paths, runtime_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

# A directory is made after its row is committed, and a monitor may go on for a while after its task.
LEAST_AGE = timedelta(days=1)
NAMES_AT_ONCE = 500  # looked up with one query
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
TEMPORARY_NOTES = ".temporary"
CANCEL_REQUEST = ".cancel"


@dataclass
class Removed:
    """What was removed, or would be.

    directories: those that belonged to no task. left: a sentence for each entry that should have been removed and
    was not. others: what other apps removed, in words. is_complete: all rows were looked at; otherwise the time
    was up.
    """

    tasks: int = 0
    directories: int = 0
    temporary_files: int = 0
    bytes: int = 0
    left: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    is_complete: bool = True


class RuntimeDirectory:
    """The open runtime directory. With `is_dry_run` everything is measured and nothing removed.

    left: a sentence for each entry that should have been removed and was not.
    """

    def __init__(self, descriptor: int, *, is_dry_run: bool) -> None:
        self._descriptor = descriptor
        self._is_dry_run = is_dry_run
        self.left: list[str] = []

    def names(self) -> list[str]:
        """Return the names of the tasks' directories, in any order: a sweep may have no time for all of them."""
        with os.scandir(self._descriptor) as entries:
            found = [entry.name for entry in entries if _is_task_name(entry.name)]
        random.shuffle(found)
        return found

    def age(self, name: str) -> timedelta:
        """Return how long ago anything in a task's directory was changed. Raises OSError."""
        with self._opened(name) as descriptor, os.scandir(descriptor) as entries:
            times = [os.fstat(descriptor).st_mtime]
            times += [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
        return timedelta(seconds=time.time() - max(times))

    def remove(self, name: str) -> int | None:
        """Remove a task's directory and return how many bytes that freed, 0 if there is none; None if it stays."""
        try:
            with self._opened(name) as descriptor:
                freed = self._empty(descriptor)
            if not self._is_dry_run:
                os.rmdir(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return 0
        except OSError as error:
            self.say_left(name, error)
            return None
        return freed

    def remove_temporary(self, name: str) -> int:
        """Remove the temporary files that are noted in a task's directory, and return how many there were.

        Raises OSError.
        """
        with self._opened(name) as descriptor, os.scandir(descriptor) as entries:
            leases = [
                entry.name.removesuffix(TEMPORARY_NOTES)
                for entry in entries
                if entry.name.endswith(TEMPORARY_NOTES)
            ]
            return sum(self._remove_noted(lease, descriptor) for lease in leases if lease.isdecimal())

    def say_left(self, name: str, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.left.append(f"{runtime_directory() / name}: {reason}")

    def refusal(self, names: list[str]) -> str:
        """Say why nobody here can tell what belongs to no task; an empty text if that can be told."""
        path = runtime_directory()
        if inline.is_bare_test_run():
            return f"{path}: a test's database knows nothing of the tasks here; see brokerless.testing"
        found = directory_stamp.read(path)
        if found is None:
            # From before there were stamps.
            if not any(_rows(some) for some in _portions(names)):
                return (
                    f"{path}: none of the tasks here is in this database, and nothing says whose they are; the "
                    f"next task that starts here will say so in {path / directory_stamp.NAME}"
                )
            if self._is_dry_run:
                return ""
            directory_stamp.put(path)
            found = directory_stamp.read(path)
        if found == directory_stamp.identity():
            return ""
        if found is None:
            return f"{path / directory_stamp.NAME}: cannot be written"
        return (
            f"{path}: is stamped as another database's, so nothing here is known to be nobody's; set a "
            "RUNTIME_DIR for this database alone, or, if it is the same one under another name or address, remove "
            f"{path / directory_stamp.NAME}"
        )

    def _remove_noted(self, lease: str, descriptor: int) -> int:
        notes = f"{lease}{TEMPORARY_NOTES}"
        paths = list(noted_paths(_text(notes, descriptor)))
        if self._is_dry_run:
            return sum(map(os.path.lexists, paths))
        count = 0
        for path in paths:
            with suppress(OSError):  # one that was moved into its place
                path.unlink()
                count += 1
        for name in (notes, f"{lease}{CANCEL_REQUEST}"):
            with suppress(OSError):
                os.unlink(name, dir_fd=descriptor)
        return count

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        """Open a task's directory. Raises OSError for a link or a file, and for another user's."""
        descriptor = os.open(name, DIRECTORY, dir_fd=self._descriptor)
        try:
            owner = os.fstat(descriptor).st_uid
            if owner != os.geteuid():
                raise PermissionError(0, f"belongs to user {owner}, but this process runs as {os.geteuid()}")
            yield descriptor
        finally:
            os.close(descriptor)

    def _empty(self, descriptor: int) -> int:
        """Remove what lies in a directory, all that can be; return how many bytes. Raises the first OSError."""
        freed, failed = 0, None
        with os.scandir(descriptor) as entries:
            files = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        for name, found in files:
            try:
                if stat.S_ISDIR(found.st_mode):
                    raise IsADirectoryError(0, f"holds the directory {name}, which is none of ours")
                if not self._is_dry_run:
                    os.unlink(name, dir_fd=descriptor)
                freed += found.st_size
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return freed


@contextmanager
def opened_runtime_directory(*, is_dry_run: bool = False) -> Iterator[RuntimeDirectory | None]:
    """Open the runtime directory of this host; None where there is none yet.

    Raises RuntimeDirError when it belongs to another user, is open to others or is a link.
    """
    path = runtime_directory()
    if not os.path.lexists(path):
        yield None
        return
    create_private_directory(path)
    descriptor = os.open(path, DIRECTORY)
    try:
        yield RuntimeDirectory(descriptor, is_dry_run=is_dry_run)
    finally:
        os.close(descriptor)


def sweep(directory: RuntimeDirectory, removed: Removed, *, deadline: float | None = None) -> None:
    """Remove what belongs to no row, and what tasks left that ended without cleaning up, older than a day.

    Those are deleted rows, and tasks whose machine was given up and came back under another name. Nothing where
    another database's tasks have their files.
    removed: what is removed is added to it. deadline: of the monotonic clock; a sweep that meets it goes on
    another time, elsewhere in the list.
    """
    names = directory.names()
    if names and (reason := directory.refusal(names)):
        directory.left.append(reason)
        return
    running = cache(_running)  # looked up when it is first asked for
    for some in _portions(names):
        rows = _rows(some)
        for name in some:
            if deadline is not None and time.monotonic() > deadline:
                return
            try:
                if name not in rows:
                    _sweep_orphan(directory, name, removed, running)
                elif _may_have_left_something(*rows[name]):
                    with suppress(OSError):  # whoever purges the row says why
                        removed.temporary_files += directory.remove_temporary(name)
            except Exception as error:  # whatever lies in one directory, the others are swept
                directory.say_left(name, error)


def _sweep_orphan(
    directory: RuntimeDirectory, name: str, removed: Removed, running: Callable[[], set[str]]
) -> None:
    """Remove a directory that belongs to no row, after the temporary files that are noted in it.

    Not while a process of the task lives. Raises OSError.
    """
    try:
        if directory.age(name) < LEAST_AGE or name in running():
            return
        removed.temporary_files += directory.remove_temporary(name)
    except FileNotFoundError:  # somebody else was first
        return
    if (size := directory.remove(name)) is not None:
        removed.directories += 1
        removed.bytes += size


def _portions(names: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), NAMES_AT_ONCE):
        yield names[first : first + NAMES_AT_ONCE]


def _rows(names: list[str]) -> dict[str, tuple[str, datetime | None]]:
    """Return the status, and since when it is final, of those of these tasks that there are."""
    found = TaskState.objects.order_by().filter(pk__in=names).values_list("pk", "status", "finished_at")
    return {str(pk): (status, finished_at) for pk, status, finished_at in found}


def _running() -> set[str]:
    """Return the ids of the tasks of which this user's processes live here, whether or not they have rows."""
    import psutil  # not on the way of every monitor

    return {task_of(pid).partition(":")[0] for pid in psutil.pids()}


def _text(name: str, descriptor: int) -> str:
    """Return what a file in an open directory holds; an empty text if it cannot be read."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with suppress(OSError), os.fdopen(os.open(name, flags, dir_fd=descriptor), "rb") as file:
        return file.read().decode(errors="replace")
    return ""


def _may_have_left_something(status: str, finished_at: datetime | None) -> bool:
    if status not in TaskState.FINISHED or status == TaskState.Status.SUCCESSFUL:
        return False
    return finished_at is None or timezone.now() - finished_at > LEAST_AGE


def _is_task_name(name: str) -> bool:
    with suppress(ValueError):
        return str(UUID(name)) == name
    return False
