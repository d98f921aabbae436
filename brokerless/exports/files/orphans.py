"""Files in the storage that belong to no record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.files.storage import storages
from django.utils import timezone

from brokerless.exports.conf import settings
from brokerless.exports.files import ownership
from brokerless.exports.files.removal import LEAST_AGE, reason
from brokerless.exports.models import ExportFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.files.storage import Storage

    from brokerless.exports.files.removal import Sweep

AT_ONCE = 500  # records that one query looks up
KEY = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# What this app gives its files as names, and those that are not complete yet.
OWN_NAME = re.compile(rf"({KEY})\.[a-z0-9]+(?:\.gz)?|\.({KEY})\.[a-z0-9.]+\.[0-9a-z-]+\.partial")


def remove_orphans(sweep: Sweep) -> None:
    """Remove files of no record: after a crash, or when the record was deleted by hand."""
    storage = storages[settings.STORAGE]
    names = _names(storage, sweep)
    own = {name: found[1] or found[2] for name in names if (found := OWN_NAME.fullmatch(name))}
    known = _known(own.values())
    orphans = [name for name, key in own.items() if key not in known]
    if not orphans:
        return
    if refusal := ownership.refusal(storage, names, orphans):
        sweep.swept.left.append(f"{len(orphans)} of no record: {refusal}")
        return
    for name in orphans:
        if not sweep.may_go_on():
            return
        _remove_orphan(sweep, storage, name)


def _names(storage: Storage, sweep: Sweep) -> list[str]:
    try:
        return storage.listdir("")[1]
    except (FileNotFoundError, NotImplementedError):  # nothing was ever stored; or it cannot be asked
        return []
    except Exception as error:  # every storage's library has errors of its own
        sweep.swept.left.append(f"the storage cannot be listed: {reason(error)}")
        return []


def _known(keys: Iterable[str]) -> set[str]:
    """Return those of these keys whose records say that there is a file, or will be."""
    wanted, found = list(keys), set()
    for first in range(0, len(wanted), AT_ONCE):
        records = ExportFile.objects.filter(pk__in=wanted[first : first + AT_ONCE], removed_at=None)
        found.update(map(str, records.order_by().values_list("pk", flat=True)))
    return found


def _remove_orphan(sweep: Sweep, storage: Storage, name: str) -> None:
    try:
        size, age = storage.size(name), timezone.now() - storage.get_modified_time(name)
    except (FileNotFoundError, NotImplementedError):  # somebody else was first; or it cannot be asked
        return
    except Exception as error:  # every storage's library has errors of its own
        sweep.swept.left.append(f"{name}: {reason(error)}")
        return
    if age > LEAST_AGE and sweep.remove_file(storage, name):
        sweep.swept.orphans += 1
        sweep.swept.bytes += size
