"""Who may do what with a task that they see: its owner, and staff with a permission for each action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless.command_forms.offered import is_offered

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from brokerless.models import TaskState

CANCEL_TASKS = "brokerless.cancel_taskstate"
RETRY_TASKS = "brokerless.retry_taskstate"
DELETE_TASKS = "brokerless.delete_taskstate"
CHANGE_TASKS = "brokerless.change_taskstate"  # to fetch what others' tasks have made
LAUNCH_COMMANDS = "brokerless.launch_taskstate"

IN_ADMIN = "in_admin"  # in the context of a task that was launched there, and of what does it again


def may_cancel(task: TaskState, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user who may see the task may also cancel it."""
    return _may(task, user, CANCEL_TASKS)


def may_retry(task: TaskState, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user who may see the task may also have it done again.

    What was launched in the admin may be by those alone who could launch it there today, its owner included.
    """
    if not _may(task, user, RETRY_TASKS):
        return False
    is_operator = user.pk is None  # who has the site's shell has no account
    return is_operator or not is_launched_in_admin(task) or _may_launch(task.command, user)


def is_launched_in_admin(task: TaskState) -> bool:
    """Tell whether the task, or the one that it does again, was launched by a form of the admin."""
    return isinstance(task.context, dict) and IN_ADMIN in task.context


def may_delete(task: TaskState, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user who may see the task may also delete it, once it is finished."""
    return _may(task, user, DELETE_TASKS)


def may_fetch(task: TaskState, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user who may see the task may also have what it made."""
    return _may(task, user, CHANGE_TASKS)


def _may(task: TaskState, user: AbstractBaseUser | AnonymousUser, permission: str) -> bool:
    """Tell it of the owner without a query; others are staff with the permission."""
    is_owner = task.owner_id is not None and task.owner_id == user.pk
    return is_owner or (user.is_staff and user.has_perm(permission))


def _may_launch(command: str, user: AbstractBaseUser | AnonymousUser) -> bool:
    return user.is_staff and user.has_perm(LAUNCH_COMMANDS) and is_offered(command)
