"""Who sweeps the runtime directory today: one process of all hosts that share it and the database.

Not by rows of hosts: each container is a host of its own, and they may come by the minute.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress

from brokerless import directory_stamp
from brokerless.runtime_dir import open_lock, runtime_directory

ONE_DAY = 86_400  # seconds


def is_due() -> bool:
    """Tell whether the runtime directory is there and nobody has taken on its sweep in the last day."""
    try:
        return not _was_lately((runtime_directory() / file_name()).lstat())
    except OSError:
        return runtime_directory().is_dir()


def claim() -> bool:
    """Take on the sweep of the day, if it is due. Raises RuntimeDirError and OSError."""
    if not is_due():
        return False
    descriptor = open_lock(file_name())
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _was_lately(os.fstat(descriptor)):
            return False
        with suppress(OSError):  # on a full disk the next one sweeps, too: that makes room
            os.pwrite(descriptor, b"\n", 0)
    except BlockingIOError:  # another process is just taking it on
        return False
    finally:
        os.close(descriptor)
    return True


def give_back() -> None:
    """Leave a sweep that was taken on to whoever comes next. Raises RuntimeDirError and OSError."""
    descriptor = open_lock(file_name())
    try:
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def file_name() -> str:
    """Return the name of the file whose change is the last sweep.

    Another database's is refused, and must not hold up the right one's.
    """
    return f".swept-{directory_stamp.identity()[:16]}"


def _was_lately(found: os.stat_result) -> bool:
    """Tell whether a sweep was noted within a day; an empty file notes none."""
    return found.st_size > 0 and abs(time.time() - found.st_mtime) < ONE_DAY
