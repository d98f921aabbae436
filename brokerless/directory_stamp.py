"""Whose the runtime directory is: a stamp in it names the database of the tasks whose files lie there.

Without it a second database, such as a copy for trying things out, would take the other's logs for nobody's.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from django.apps import apps
from django.db import connections, router

from brokerless import inline

if TYPE_CHECKING:
    from pathlib import Path

NAME = ".database"
LONGEST = 1000  # bytes that are read of it
# Entries of OPTIONS that say which database, in place of a name.
NAMING_OPTIONS = ("service", "read_default_file")


def put(directory: Path) -> None:
    """Stamp a directory that has no stamp yet as this database's.

    No error is raised: a task needs no stamp. The first of several processes decides. A test's database stamps
    nothing: the directory is the site's.
    """
    path = directory / NAME
    if os.path.lexists(path) or not apps.models_ready or inline.is_bare_test_run():
        return
    with suppress(OSError):
        _write(path, identity())


def read(directory: Path) -> str | None:
    """Return the identity that a directory is stamped with; None if it has no stamp.

    What cannot be read is an empty text, which is nobody's identity.
    """
    try:
        descriptor = os.open(directory / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LONGEST).decode(errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def identity() -> str:
    """Return what tells the tasks' database from others, as a digest: no address is given away."""
    connection = connections[router.db_for_write(apps.get_model("brokerless", "TaskState"))]
    values = connection.settings_dict
    name = str(values["NAME"] or "")
    if connection.vendor == "sqlite" and not name.startswith(("file:", ":")):
        name = os.path.realpath(name)  # the same from every working directory, and by every link
    options = [str(values["OPTIONS"].get(option, "")) for option in NAMING_OPTIONS]
    parts = [connection.vendor, str(values["HOST"] or ""), str(values["PORT"] or ""), name, *options]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, and only if there is none. Raises OSError."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        # Other than a renaming this replaces nothing.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
