"""Find the task that an operator means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from brokerless.exceptions import BrokerlessError
from brokerless.exit_codes import EXIT_WRONG_ARGUMENTS
from brokerless.management.subcommands.tables import printable
from brokerless.models import TaskState
from brokerless.reap import look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Of an id's 32 hexadecimal digits; fewer are more likely a slip than an id.
FEWEST_DIGITS = 4
ID_DIGITS = 32
NAMED_AT_MOST = 5  # tasks that an ambiguous beginning is said to mean
ID_HELP = f"A task's id, or its beginning: at least {FEWEST_DIGITS} characters that no other id begins with."


def find_task(word: str) -> TaskState:
    """Return the task of an id, or of the beginning of one.

    Raises CommandError when it is none, or no task's, or the beginning of several.
    """
    digits = word.lower().replace("-", "")
    if not re.fullmatch("[0-9a-f]+", digits) or not FEWEST_DIGITS <= len(digits) <= ID_DIGITS:
        raise CommandError(f"{word!r} is no task's id, nor at least {FEWEST_DIGITS} characters of one.")
    if len(digits) == ID_DIGITS:
        found = [UUID(digits)]
    else:
        matching = TaskState.objects.filter(pk__startswith=_with_dashes(digits)).order_by()
        found = list(matching.values_list("pk", flat=True)[: NAMED_AT_MOST + 1])
    if len(found) > 1:
        named = ", ".join(map(str, found[:NAMED_AT_MOST])) + (", …" if len(found) > NAMED_AT_MOST else "")
        raise CommandError(f"{word} is the beginning of more than one task's id; give more of it: {named}")
    task = TaskState.objects.filter(pk__in=found).first()
    if task is None:
        raise CommandError(f"There is no task {word}; `manage.py tasks list` lists them.")
    return task


def for_each_task(words: Sequence[str], act: Callable[[TaskState], object]) -> list[str]:
    """Do something with each task, and return a sentence for every one with which that was not possible.

    Each is brought to the truth first, but not started, as it is by somebody who looks at it.
    """
    errors = []
    for word in dict.fromkeys(words):
        try:
            task = find_task(word)
            if look_at(task):
                task.refresh_from_db()
            act(task)
        except (CommandError, BrokerlessError, OSError) as error:
            errors.append(printable(str(error)))  # which may repeat what a user has passed
    return errors


def find_user(name: str) -> Any:
    """Return the user of that name. Raises CommandError if there is none."""
    model = get_user_model()
    user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()  # noqa: SLF001 - documented
    if user is None:
        raise CommandError(f"There is no user {name!r}.", returncode=EXIT_WRONG_ARGUMENTS)
    return user


def _with_dashes(digits: str) -> str:
    parts = [digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]]
    return "-".join(part for part in parts if part)
