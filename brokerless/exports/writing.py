"""Writing one export: a temporary file, complete on the disk, then moved under its final name."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from brokerless import current_task
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.layout import Layout
from brokerless.exports.reading import RowCount, file_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from django.db.models import QuerySet

    from brokerless import CurrentTask
    from brokerless.exports.columns import Column

PRIVATE_FILE = 0o600


@dataclass(frozen=True)
class Export:
    """What is to be written: the rows of a queryset in these columns, laid out like that."""

    queryset: QuerySet
    columns: Sequence[Column]
    unit: str
    layout: Layout = field(default_factory=Layout)
    quiet: bool = False


@dataclass(frozen=True)
class Written:
    """What was written: rows without the header, bytes as they are in the file, and their SHA-256."""

    rows: int
    bytes: int
    sha256: str


class Digest:
    """A writer that counts and hashes what passes through it."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> int:
        self._target.write(data)
        self._sha256.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        self._target.flush()

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def write(export: Export, target: BinaryIO) -> Written:
    """Stream the rows into a binary file as it is laid out, with memory that does not grow with their number.

    Raises OutputError when the rows cannot be read, or hold what the format cannot.
    """
    digest = Digest(target)
    count = RowCount()
    # Closed at once when the writing fails: the database's cursor must not wait for the garbage collector.
    with closing(file_pieces(export, count, is_counted=True)) as found:
        for piece in found:
            digest.write(piece)
    digest.flush()
    return Written(count.rows, digest.bytes, digest.hexdigest())


def check_place(path: Path) -> None:
    """Raise OutputError if what has that name is no file: to replace a device would be its end."""
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a directory; name a file in it.")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path} is no file but a device or a pipe; name a file, or - for standard output.")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


@contextmanager
def new_file(final: Path) -> Iterator[BinaryIO]:
    """Open a private file that takes the name `final` when the block ends well, complete and on the disk.

    Until then it has a temporary name beside it. On any error it is removed; in a task it is noted first, so
    that whoever finishes the task removes it if this process cannot. The lease is renewed before the file
    appears. Raises OutputError with the reason when it cannot be written.
    """
    check_place(final)
    task = current_task()
    temporary = final.with_name(f".{final.name}.{_token(task)}.partial")
    if task is not None:
        task.note_temporary(temporary)
    try:
        with _create(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if task is not None:
            task.renew_lease()
        _move_into_place(temporary, final)
    except OSError as error:
        raise OutputError(f"{final} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):  # it has its final name, or was never made
            temporary.unlink()


def _token(task: CurrentTask | None) -> str:
    """Return what no other temporary file has in its name."""
    return f"{os.getpid()}-{secrets.token_hex(4)}" if task is None else f"{task.id}-{task.lease}"


def _create(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
    return os.fdopen(descriptor, "wb")


def _move_into_place(temporary: Path, final: Path) -> None:
    """Give a complete file its final name, and see that the name is on the disk too."""
    temporary.replace(final)
    directory = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_to_standard_output(export: Export) -> Written:
    """Write an export to standard output. Raises OutputError when nobody reads it to the end."""
    try:
        written = write(export, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except OSError as error:
        # What is still buffered cannot be written either, and would be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(f"Standard output cannot be written: {error.strerror or error}.") from error
    return written
