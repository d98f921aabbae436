"""`launch()`: record a task, and let it start as soon as it may."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.db import router, transaction
from django.utils import timezone

from brokerless import inline, queues, signals
from brokerless.admission import admit, unique_digest
from brokerless.arguments import as_json, parse
from brokerless.call import Call, in_words
from brokerless.context import capture
from brokerless.dispatch import dispatch
from brokerless.exceptions import InvalidArguments
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import HttpRequest

    from brokerless.functions.framework import Task

logger = logging.getLogger("brokerless")

HIGHEST_PRIORITY = 100  # as in `django.tasks`


def launch(
    command: str | Task,
    *,
    arguments: Sequence[Any] = (),
    options: Mapping[str, Any] | None = None,
    request: HttpRequest | None = None,
    owner: AbstractBaseUser | AnonymousUser | None = None,
    title: str = "",
    queue: str | None = None,
    priority: int | None = None,
    run_after: datetime | None = None,
    timeout: float | None = None,
    memory_limit: int | None = None,
    nice: int | None = None,
    max_attempts: int | None = None,
    unique_key: str | None = None,
    unique_globally: bool = False,
) -> TaskState:
    """Record a run of a management command and return its row at once; it starts after the commit.

    command: its name, or a function that `@task` has made for `brokerless.backend.ProcessBackend`.
    arguments: the command's positional arguments; options: the others by name, and positionals too. Both are
    JSON, and are read by the command's own parser as if they were typed. A function's are passed as they are.
    request: its context (user, URLs, language, time zone, allowed headers) is restored for the command.
    owner: who may see the task; by default the request's user. title: what the owner reads; by default the
    command's name in words.
    queue: one of BROKERLESS["QUEUES"]; what is not given of the following has its default from there. priority:
    from -100 to 100, higher ones start first. run_after: an aware datetime before which it does not start. A
    function has its own of these three, unless they are given.
    timeout: in seconds, of each attempt. memory_limit: in bytes of resident memory, the command and all that it
    starts. nice: niceness from 0 to 19. max_attempts: how often it is run at most while it fails.
    unique_key: while an unfinished task of the owner has the same, that one is returned, with `is_joined` true,
    and nothing is recorded; unique_globally: whoever the owner is.

    Raises UnknownCommand; InvalidArguments with the reason when the command's parser refuses them, or a limit is
    none; UnknownQueue; TooManyTasks when the owner has too many unfinished ones; for a function what enqueuing it
    would raise.
    """
    if isinstance(arguments, str) or not isinstance(options or {}, Mapping):
        raise InvalidArguments(
            f"Pass arguments as a list and options as a dict, not {arguments!r} and {options!r}."
        )
    wishes = {"queue": queue, "priority": priority, "run_after": run_after}
    call = _call(command, list(arguments), dict(options or {}), wishes)
    parse(call.command, call.arguments, call.options)
    given = {"timeout": timeout, "memory_limit": memory_limit, "nice": nice, "max_attempts": max_attempts}
    person = _person(owner) or _person(getattr(request, "user", None))
    task = TaskState(
        command=call.command,
        title=(title or call.title)[:200],
        arguments=call.arguments,
        options=call.options,
        # The row loses its owner when that user is removed; that there was one is to be known even then.
        context=capture(request) | {"owner_id": str(person.pk) if person is not None else ""},
        owner=person,
        queue=call.queue,
        priority=_checked_priority(call.priority),
        run_after=_checked_moment(call.run_after),
        **_limits(call.defaults(), given),
    )
    if not isinstance(unique_key, str | None):
        raise InvalidArguments(f"unique_key is {unique_key!r}, but must be text.")
    if unique_key:
        task.unique_key = unique_digest(unique_key, owner_id=task.owner_id, is_global=unique_globally)
    return record(task, call)


def record(task: TaskState, call: Call) -> TaskState:
    """Record a task that starts as soon as it may after the commit, and return it; or the one that it joins.

    Raises TooManyTasks.
    """
    task = admit(task)
    if not task.is_joined:
        call.recorded(task)
        signals.tell_launched(task)
        if (instead := inline.substitute()) is not None:
            instead.see_to(task)
        else:
            transaction.on_commit(_dispatch_after_launch, using=router.db_for_write(TaskState), robust=True)
    return task


async def alaunch(command: str | Task, **keywords: Any) -> TaskState:
    """Do as `launch()` does, from a coroutine."""
    return await sync_to_async(launch)(command, **keywords)


def _call(command: str | Task, arguments: list[Any], options: dict[str, Any], wishes: dict[str, Any]) -> Call:
    """Return what is to be recorded; wishes: queue, priority and run_after, as far as they are given."""
    if isinstance(command, str):
        return Call(
            command=command,
            arguments=as_json(arguments, "arguments"),
            options=as_json(options, "options"),
            title=in_words(command),
            **{name: wish for name, wish in wishes.items() if wish is not None},
        )
    # Only here, as a site without task functions has no framework for them on Django 5.2.
    from brokerless.functions.calls import call_of

    return call_of(command, arguments, options, wishes)


def _limits(defaults: queues.Queue, given: dict[str, Any]) -> dict[str, Any]:
    """Return the limits of a task: what is given, checked, and the queue's defaults for the rest."""
    for name, value in given.items():
        if value is not None and (problem := queues.limit_problem(name, value)):
            raise InvalidArguments(problem)
    return {name: getattr(defaults, name) if value is None else value for name, value in given.items()}


def _checked_priority(priority: int) -> int:
    if isinstance(priority, int) and not isinstance(priority, bool) and abs(priority) <= HIGHEST_PRIORITY:
        return int(priority)
    raise InvalidArguments(
        f"priority is {priority!r}, but must be a whole number from -{HIGHEST_PRIORITY} to {HIGHEST_PRIORITY}."
    )


def _checked_moment(run_after: datetime | None) -> datetime | None:
    if run_after is None or (isinstance(run_after, datetime) and timezone.is_aware(run_after)):
        return run_after
    raise InvalidArguments(
        f"run_after is {run_after!r}, but must be an aware datetime, such as timezone.now() + timedelta(hours=1)."
    )


def _person(user: AbstractBaseUser | AnonymousUser | None) -> AbstractBaseUser | None:
    return user if user is not None and user.is_authenticated else None


def _dispatch_after_launch() -> None:
    """Dispatch; the task is recorded, so that a failure here must not fail the view: the next poll dispatches."""
    try:
        dispatch(look_first=False)
    except Exception:
        logger.exception("Launched tasks could not be dispatched; they wait for the next poll, launch or tick.")
