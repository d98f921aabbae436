"""Taking files back whose tasks somebody deletes: without the task nobody would find them any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connections, router, transaction
from django.utils import timezone

from brokerless.exports.files import links, retention
from brokerless.exports.models import ExportFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


CLOCKS_APART = timedelta(minutes=1)


def withdraw(keys: Sequence[UUID]) -> None:
    """Take back the files that these tasks made, in the transaction that deletes the tasks."""
    take_back(task__in=keys)


def take_back(**which: Any) -> set[UUID]:
    """Have files expire, and the links to them with it; return their keys. which: the files, as a filter of them.

    Once this is committed nobody can fetch them. They leave the storage right after it; one that cannot, because
    the storage is away or slow, does so with the next that expires, as its record says that it is over.
    """
    database = router.db_for_write(ExportFile)
    with transaction.atomic(using=database):
        found = ExportFile.objects.using(database).fetchable().filter(**which).order_by("pk")
        if connections[database].features.has_select_for_update:
            # Held until they are over: a task that retries another may be making one of them its own.
            found = found.select_for_update()
        files = list(found.values_list("pk", flat=True))
        if not files:
            return set()
        links.revoke(using=database, pk__in=files)
        # Over for a while, as by another host's clock it may be earlier.
        over_since = timezone.now() - CLOCKS_APART
        ExportFile.objects.using(database).filter(pk__in=files).update(expires_at=over_since)
        transaction.on_commit(retention.make_room, using=database, robust=True)
    return set(files)
