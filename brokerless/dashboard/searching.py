"""Searching tasks by a piece of what people know of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Q

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brokerless.models import TaskStateQuerySet

LONGEST_SEARCH = 200  # characters
DIGITS = 32  # of a task's id
FEWEST_DIGITS = 8  # of its beginning, as `tasks list` shows it
ID_BEGINNING = re.compile(rf"[0-9a-f]{{{FEWEST_DIGITS},{DIGITS}}}")
HYPHENS_AFTER = (8, 12, 16, 20)


def matching(
    tasks: TaskStateQuerySet, text: str, *, commands: Iterable[str] | None, by_owner: bool
) -> TaskStateQuerySet:
    """Select the tasks whose title or command holds a text, or whose id begins with it; a whole id is only that.

    commands: all that there are; they are looked through here, not in each row, unless they are too many, which
    None says. by_owner: or whose owner's name holds it.
    """
    digits = text.lower().replace("-", "")
    is_id = ID_BEGINNING.fullmatch(digits) is not None
    if is_id and len(digits) == DIGITS:
        return tasks.filter(pk=UUID(digits))
    found = Q(title__icontains=text)
    if commands is None:
        found |= Q(command__icontains=text)
    elif named := [name for name in commands if text.lower() in name.lower()]:
        found |= Q(command__in=named)
    if is_id:
        found |= _begins_with(digits, connections[tasks.db].vendor)
    if by_owner:
        model = get_user_model()
        # By themselves, and not for each task: there are fewer users.
        owners = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__icontains": text})  # noqa: SLF001
        found |= Q(owner_id__in=owners.values("pk"))
    return tasks.filter(found)


def _begins_with(digits: str, vendor: str) -> Q:
    if vendor == "mysql":  # MariaDB does not order its UUIDs by their first digits
        parts = [
            digits[first:last] for first, last in zip((0, *HYPHENS_AFTER), (*HYPHENS_AFTER, DIGITS), strict=True)
        ]
        return Q(pk__startswith="-".join(filter(None, parts)))
    return Q(pk__gte=UUID(digits.ljust(DIGITS, "0")), pk__lte=UUID(digits.ljust(DIGITS, "f")))
