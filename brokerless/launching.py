"""`launch()`: record a task, and let it start as soon as it may."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.db import router, transaction

from brokerless.arguments import as_json, parse
from brokerless.context import capture
from brokerless.dispatch import dispatch
from brokerless.exceptions import InvalidArguments
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import HttpRequest

logger = logging.getLogger("brokerless")


def launch(
    command: str,
    *,
    arguments: Sequence[Any] = (),
    options: Mapping[str, Any] | None = None,
    request: HttpRequest | None = None,
    owner: AbstractBaseUser | AnonymousUser | None = None,
    title: str = "",
) -> TaskState:
    """Record a run of a management command and return its row at once; it starts after the commit.

    arguments: the command's positional arguments; options: the others by name, and positionals too. Both are
    JSON, and are read by the command's own parser as if they were typed.
    request: its context (user, URLs, language, time zone, allowed headers) is restored for the command.
    owner: who may see the task; by default the request's user. title: what the owner reads; by default the
    command's name in words.

    Raises UnknownCommand, or InvalidArguments with the reason when the command's parser refuses them.
    """
    if isinstance(arguments, str) or not isinstance(options or {}, Mapping):
        raise InvalidArguments(
            f"Pass arguments as a list and options as a dict, not {arguments!r} and {options!r}."
        )
    arguments = as_json(list(arguments), "arguments")
    options = as_json(dict(options or {}), "options")
    parse(command, arguments, options)
    task = TaskState.objects.create(
        command=command,
        title=(title or command.replace("_", " ").capitalize())[:200],
        arguments=arguments,
        options=options,
        context=capture(request),
        owner=_person(owner) or _person(getattr(request, "user", None)),
    )
    transaction.on_commit(_dispatch_after_launch, using=router.db_for_write(TaskState), robust=True)
    return task


async def alaunch(command: str, **keywords: Any) -> TaskState:
    """Do as `launch()` does, from a coroutine."""
    return await sync_to_async(launch)(command, **keywords)


def _person(user: AbstractBaseUser | AnonymousUser | None) -> AbstractBaseUser | None:
    return user if user is not None and user.is_authenticated else None


def _dispatch_after_launch() -> None:
    """Dispatch; the task is recorded, so that a failure here must not fail the view: the next poll dispatches."""
    try:
        dispatch(look_first=False)
    except Exception:
        logger.exception("Launched tasks could not be dispatched; they wait for the next poll, launch or tick.")
