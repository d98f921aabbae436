"""Taking files back whose tasks somebody deletes: without the task nobody would find them any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from django.utils import timezone

from brokerless.exports.files import links, retention
from brokerless.exports.models import ExportFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


def withdraw(keys: Sequence[UUID]) -> None:
    """Take back the files that these tasks made, in the transaction that deletes the tasks."""
    take_back(task__in=keys)


def take_back(**which: Any) -> int:
    """Have files expire, and the links to them with it; return how many. which: the files, as a filter of them.

    Once this is committed nobody can fetch them. They leave the storage right after it; one that cannot, because
    the storage is away or slow, does so with the next that expires, as its record says that it is over.
    """
    database = router.db_for_write(ExportFile)
    found = ExportFile.objects.using(database).fetchable().filter(**which)
    files = list(found.order_by().values_list("pk", flat=True))
    if not files:
        return 0
    links.revoke(using=database, pk__in=files)
    count = ExportFile.objects.using(database).filter(pk__in=files).update(expires_at=timezone.now())
    transaction.on_commit(retention.make_room, using=database, robust=True)
    return count
