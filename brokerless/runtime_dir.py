"""The files of a task: its log, the list of its temporary files, a finish that could not be written yet.

All lie in one directory per task, of mode 0700, named from the task's id; files are named from the lease and
opened without following links.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokerless import directory_stamp, inline, log_file
from brokerless.conf import settings
from brokerless.exceptions import RuntimeDirError
from brokerless.log_lines import Lines, read_end, read_lines
from brokerless.log_tail import left_out_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
RAW_PIECE = 256 * 1024  # bytes


class TaskFiles:
    """The files of one attempt at a task."""

    def __init__(self, task_id: UUID, lease: int) -> None:
        self.lease = lease
        self.directory = runtime_directory() / str(task_id)
        self.log = self.directory / f"{lease}.log"
        self._temporary = self.directory / f"{lease}.temporary"
        self._finish = self.directory / f"{lease}.finish"
        self._cancel_request = self.directory / f"{lease}.cancel"

    def create_directory(self) -> None:
        """Create the task's directory.

        Raises RuntimeDirError when it, or the runtime directory, belongs to another user or is open to others.
        """
        for directory in (self.directory.parent, self.directory):
            create_private_directory(directory)
        directory_stamp.put(self.directory.parent)

    def open_log(self) -> int:
        """Open the log for appending, and return its file descriptor. Raises RuntimeDirError."""
        self.create_directory()
        try:
            return _open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            raise RuntimeDirError(f"The log {self.log} cannot be written: {error.strerror}.") from error

    def note_temporary(self, path: Path) -> None:
        """Note, before it is made, a file that whoever finishes the task removes if it is still there."""
        self.create_directory()
        descriptor = _open(self._temporary, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with os.fdopen(descriptor, "w", encoding="utf-8") as notes:
            notes.write(json.dumps(str(path.absolute())) + "\n")

    def remove_temporary(self) -> list[Path]:
        """Remove the noted temporary files that are still there, and return them; and a request to cancel."""
        removed = []
        for path in noted_paths(self._read(self._temporary)):
            with suppress(OSError):  # a file that was moved into place
                path.unlink()
                removed.append(path)
        for note in (self._temporary, self._cancel_request):
            with suppress(OSError):
                note.unlink()
        return removed

    def store_finish(self, values: dict[str, Any]) -> None:
        """Keep a final status that the database did not take, so that `read_finish()` finds it whole."""
        self._store(self._finish, values)

    def read_finish(self) -> dict[str, Any] | None:
        """Return the stored final status; None if there is none, or none that can be read."""
        return self._load(self._finish)

    def remove_finish(self) -> None:
        with suppress(OSError):
            self._finish.unlink()

    def leave_cancel_request(self, *, by_id: Any) -> None:
        """Leave word for the monitor that the task is to stop.

        Raises RuntimeDirError, or OSError on a full disk.
        """
        self._store(self._cancel_request, {"by": None if by_id is None else str(by_id)})

    def read_cancel_request(self) -> dict[str, Any] | None:
        """Return the request that was left; None if there is none."""
        return self._load(self._cancel_request)

    def log_tail(self, limit: int = 4000) -> str:
        """Return the last `limit` bytes of the log as plain text; an empty text without a log."""
        return self.log_end(limit, is_complete=True).text.strip()

    def log_end(self, limit: int, *, is_complete: bool) -> Lines:
        """Return the last lines of the log, with what is not a whole line yet; see `log_lines`."""
        return read_end(self.log, limit, size=self.log_size(), is_complete=is_complete)

    @property
    def has_log(self) -> bool:
        return log_file.exists(self.log)

    def log_size(self) -> int:
        """Return how many bytes of output there were, with those left out of the log; 0 without a log."""
        return log_file.size_of(self.log)

    def read_log(self, offset: int, limit: int, *, is_complete: bool = False) -> Lines:
        """Return the next lines of the log from a byte of the output on; see `log_lines`."""
        return read_lines(self.log, offset, limit, is_complete=is_complete)

    def read_raw_log(self, offset: int, limit: int) -> tuple[bytes, int]:
        """Return the next bytes of the log as they were written, and the offset behind them.

        A line says where some were left out.
        """
        left_out, data, next_offset, *_ = log_file.read(self.log, offset, limit)
        return left_out_words(left_out) + data, next_offset

    def raw_log(self) -> Iterator[bytes]:
        """Give the log as it was written, in pieces, and as long as it is when the first one is asked for."""
        offset, end = 0, self.log_size()
        while offset < end:
            piece, offset = self.read_raw_log(offset, min(RAW_PIECE, end - offset))
            if not piece:
                return
            yield piece

    def _store(self, path: Path, values: dict[str, Any]) -> None:
        """Write JSON so that it is there whole, even after a crash, or not at all."""
        self.create_directory()
        draft = path.with_name(f"{path.name}.draft")
        with os.fdopen(_open(draft, os.O_WRONLY | os.O_TRUNC | os.O_CREAT), "w", encoding="utf-8") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _load(self, path: Path) -> dict[str, Any] | None:
        with suppress(ValueError):
            found = json.loads(self._read(path))
            return found if isinstance(found, dict) else None
        return None

    def _read(self, path: Path) -> str:
        try:
            with os.fdopen(_open(path, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""


def noted_paths(notes: str) -> Iterator[Path]:
    """Give the temporary files that `note_temporary()` has noted; lines that are no such note are passed over."""
    for line in notes.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):  # cut short
            continue
        if isinstance(found, str) and "\0" not in found and (path := Path(found)).is_absolute():
            yield path


def runtime_directory() -> Path:
    """Return where the tasks' directories lie, whatever the working directory of this process is."""
    if (instead := inline.substitute()) is not None:
        return instead.runtime_directory
    return Path(settings.DIRECTORY) / settings.RUNTIME_DIR


def open_lock(name: str) -> int:
    """Open a file of the runtime directory to be locked, and return its file descriptor.

    Raises RuntimeDirError, or OSError on a full disk.
    """
    directory = runtime_directory()
    create_private_directory(directory)
    return _open(directory / name, os.O_RDWR | os.O_CREAT)


def create_private_directory(directory: Path) -> None:
    """Create a directory that only its owner may enter.

    Raises RuntimeDirError when it exists and belongs to another user, is open to others or is a link.
    """
    try:
        directory.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise RuntimeDirError(f"The runtime directory {directory} cannot be used: {error.strerror}.") from error
    if not stat.S_ISDIR(found.st_mode):
        raise RuntimeDirError(f"The runtime directory {directory} is a link or a file; it must be a directory.")
    if found.st_uid != os.geteuid():
        raise RuntimeDirError(
            f"The runtime directory {directory} belongs to user {found.st_uid}, but this process runs as "
            f"{os.geteuid()}: run both as one user, or set BROKERLESS['RUNTIME_DIR']."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise RuntimeDirError(
            f"The runtime directory {directory} is open to others (mode {stat.S_IMODE(found.st_mode):o}): "
            f"run `chmod 700 {directory}`."
        )


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
