"""Recording a launched task: one at a time of each unique key, and no more of an owner than the settings allow."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connections, router, transaction

from brokerless.conf import settings
from brokerless.exceptions import TooManyTasks
from brokerless.models import TaskState

if TYPE_CHECKING:
    from typing import Any

# A task of the same key may end between the refused insert and the look for it.
TRIES = 5


def admit(task: TaskState) -> TaskState:
    """Record a task and return it, or the unfinished one that holds its unique key, with `is_joined` set.

    The caller's transaction stays usable whatever happens. Raises TooManyTasks.
    """
    tries_left = TRIES
    while True:
        if task.unique_key and (found := _holder(task.unique_key)):
            found.is_joined = True
            return found
        tries_left -= 1
        try:
            # A savepoint of its own inside a caller's transaction, which a refused insert would spoil otherwise.
            with transaction.atomic(using=router.db_for_write(TaskState)):
                _check_number_of(task.owner_id)
                task.save(force_insert=True)
            return task
        except IntegrityError:
            if not task.unique_key or not tries_left:
                raise


def unique_digest(key: str, *, owner_id: Any, is_global: bool) -> str:
    """Return what stands for a key in the database: short, whatever its length, and compared byte by byte.

    A key is its owner's, unless it is global; tasks without an owner share theirs.
    """
    scope = ["global"] if is_global else ["owner", None if owner_id is None else str(owner_id)]
    return hashlib.sha256(json.dumps([*scope, key]).encode()).hexdigest()


def _holder(digest: str) -> TaskState | None:
    return TaskState.objects.unfinished().filter(unique_key=digest).first()


def _check_number_of(owner_id: Any) -> None:
    """Raise TooManyTasks if the owner has as many unfinished tasks as allowed.

    The owner's row is locked first, so that launches at the same moment are counted one after the other. On SQLite
    the transaction itself is the lock.
    """
    most = settings.MAX_UNFINISHED_PER_OWNER
    if owner_id is None or most is None:
        return
    database = router.db_for_write(TaskState)
    features = connections[database].features
    if features.has_select_for_update:
        people = get_user_model()._base_manager.using(database)  # noqa: SLF001 - Django's documented interface
        # Not the stronger lock, for which every insert that refers to the user would wait.
        owner = people.select_for_update(no_key=features.has_select_for_no_key_update).filter(pk=owner_id)
        list(owner.values_list("pk"))
    if TaskState.objects.unfinished().filter(owner_id=owner_id).count() >= most:
        raise TooManyTasks(most)
