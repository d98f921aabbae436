"""Whose files lie in the storage: each database that stores there leaves a stamp.

Without it a second database, such as a copy for trying things out, would take the other's files for nobody's.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile
from django.db import router
from django.utils import timezone

from brokerless import inline
from brokerless.directory_stamp import identity
from brokerless.exports.files.removal import reason
from brokerless.exports.models import DatabaseIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.core.files.storage import Storage

logger = logging.getLogger("brokerless.exports")

PREFIX = ".database-"
TEXT = b"This database stores its export files here. Remove this if it does so no more.\n"
SHOWN = 3  # names in a sentence


def put_stamp(storage: Storage) -> None:
    """Leave this database's stamp in a storage, if it is not there.

    No error is raised: a file needs no stamp. A test's database stamps nothing: the storage may be the site's.
    """
    if inline.is_bare_test_run():
        return
    try:
        name = stamp_name()
        if not storage.exists(name):
            saved = storage.save(name, ContentFile(TEXT))
            if saved != name:  # another process was first, and the storage found a free name for this one's
                storage.delete(saved)
    except Exception as error:  # every storage's library has errors of its own
        logger.warning("The storage of the export files was not stamped: %s", reason(error))


def refusal(storage: Storage, names: Iterable[str], orphans: Sequence[str]) -> str:
    """Say why it cannot be told whether files are nobody's; empty if it can.

    names: of everything in the storage. orphans: of those files that this database has no records of.
    """
    if inline.is_bare_test_run():
        return "a test's database knows nothing of the files in the storage"
    stamps = {name for name in names if name.startswith(PREFIX)}
    own = {name for name in stamps if name.startswith(stamp_name())}
    if others := ", ".join(sorted(stamps - own)):
        return (
            "another database stores files there, too; if it is gone, or is this one under another name or "
            f"address, remove {others}"
        )
    if not own:
        return "nothing in the storage says whose the files are; the next file that is stored there will"
    return _older(storage, own, orphans)


def stamp_name() -> str:
    """Return what stands for this database: no other has its number, but for a copy, which is at another place."""
    kept = DatabaseIdentity.objects.using(router.db_for_write(DatabaseIdentity))
    number = kept.get_or_create(pk=DatabaseIdentity.ONLY)[0].value
    return PREFIX + hashlib.sha256(f"{number} {identity()}".encode()).hexdigest()[:16]


def _older(storage: Storage, stamps: Iterable[str], orphans: Sequence[str]) -> str:
    """Say which files were there before this database stored any."""
    try:
        since = min(storage.get_modified_time(name) for name in stamps)
        older = [name for name in orphans if _moment(storage, name) < since]
    except Exception as error:  # every storage's library has errors of its own
        return f"the storage does not say how old files are: {reason(error)}"
    if not older:
        return ""
    shown = ", ".join(sorted(older)[:SHOWN]) + (", …" if len(older) > SHOWN else "")
    return (
        f"{len(older)} of them are older than the first file that this database stored there, and may be "
        f"another's; if they are not, remove them: {shown}"
    )


def _moment(storage: Storage, name: str) -> datetime:
    try:
        return storage.get_modified_time(name)
    except FileNotFoundError:  # somebody else removed it meanwhile
        return timezone.now()
