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

from brokerless.conf import settings
from brokerless.exceptions import RuntimeDirError

if TYPE_CHECKING:
    from uuid import UUID

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
# Of a UTF-8 character by its first byte (RFC 3629); from F8 on no byte begins one.
CHARACTER_LENGTHS = ((0xF8, 1), (0xF0, 4), (0xE0, 3), (0xC0, 2))


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
        for line in self._read(self._temporary).splitlines():
            with suppress(ValueError, OSError):  # a note cut short, a file that was moved into place
                path = Path(json.loads(line))
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
        """Return the last `limit` bytes of the log as text; an empty text without a log."""
        return self.read_log(max(0, self.log_size() - limit), limit)[0].strip()

    def log_size(self) -> int:
        """Return the log's size in bytes; 0 without a log."""
        try:
            return self.log.lstat().st_size
        except OSError:
            return 0

    def read_log(self, offset: int, limit: int) -> tuple[str, int]:
        """Return at most `limit` bytes of the log from `offset` on as text, and the next offset."""
        try:
            descriptor = _open(self.log, os.O_RDONLY)
        except OSError:
            return "", offset
        with os.fdopen(descriptor, "rb") as log:
            log.seek(offset)
            chunk = log.read(limit)
        chunk = chunk[: _whole_characters(chunk)]
        return chunk.decode("utf-8", "replace"), offset + len(chunk)

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
            with os.fdopen(_open(path, os.O_RDONLY), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""


def runtime_directory() -> Path:
    """Return where the tasks' directories lie, whatever the working directory of this process is."""
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


def _whole_characters(chunk: bytes) -> int:
    """Return how many bytes at the start of a chunk hold whole UTF-8 characters."""
    for back in range(1, min(4, len(chunk)) + 1):
        byte = chunk[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue  # in the middle of a character
        length = next((length for least, length in CHARACTER_LENGTHS if byte >= least), 1)
        return len(chunk) if length <= back else len(chunk) - back
    return len(chunk)
