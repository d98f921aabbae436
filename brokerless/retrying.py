"""Retry a finished task by hand: a new task that does the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError

from brokerless.admission import unique_digest
from brokerless.arguments import parse
from brokerless.call import Call
from brokerless.exceptions import BrokerlessError, InvalidArguments
from brokerless.functions.wording import function_path
from brokerless.launching import record
from brokerless.models import TaskState

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger("brokerless")

# What the new task has of the old one. Not its unique key, which it gave up when it ended, and not its moment.
KEPT = ("context", "owner_id", "title", "timeout", "memory_limit", "nice", "max_attempts")


def retry(task: TaskState, *, by: AbstractBaseUser | None = None, unique_key: str | None = None) -> TaskState:
    """Record a new task that does again what a finished one did, for its owner, and return it.

    It starts as soon as it may after the commit, and has `retry_of` set. by: who asks for it, for the logs.
    unique_key: as of `launch()`, for who may ask twice. `task` is brought up to date.

    Raises BrokerlessError when the task is not finished. What it was given is read by the code of today, so that
    it raises what `launch()` would: UnknownCommand; InvalidArguments, also when a task function is gone;
    UnknownQueue; TooManyTasks when the owner has too many unfinished ones.
    """
    try:
        task.refresh_from_db()
    except TaskState.DoesNotExist as error:
        raise BrokerlessError(f"The task {task.pk} has been removed.") from error
    if not task.is_finished:
        raise BrokerlessError(
            f"The task {task.pk} is {task.status}: only a finished task can be retried. Cancel it first, or wait."
        )
    call = _call(task)
    parse(call.command, call.arguments, call.options)
    call.defaults()  # which knows the queue
    again = TaskState(
        command=call.command,
        arguments=call.arguments,
        options=call.options,
        queue=call.queue,
        priority=call.priority,
        retry_of=task,
        **{name: getattr(task, name) for name in KEPT},
    )
    if unique_key:
        again.unique_key = unique_digest(unique_key, owner_id=again.owner_id, is_global=False)
    try:
        again = record(again, call)
    except IntegrityError as error:
        raise BrokerlessError(f"The task {task.pk} is just being removed, and cannot be retried.") from error
    logger.info("task=%s retry_of=%s by=%s", again.pk, task.pk, None if by is None else by.pk)
    return again


def _call(task: TaskState) -> Call:
    """Return what a row records, to be recorded once more."""
    if function_path(task):
        try:
            # Only here, as a site without task functions has no framework for them on Django 5.2.
            from brokerless.functions.calls import call_again
        except ImproperlyConfigured as error:
            raise InvalidArguments(str(error)) from error
        return call_again(task)
    return Call(
        command=task.command,
        arguments=task.arguments,
        options=task.options,
        title=task.title,
        queue=task.queue,
        priority=task.priority,
    )
