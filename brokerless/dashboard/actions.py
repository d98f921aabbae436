"""Cancel, retry and delete many tasks: what may be done with each, and what became of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import Error, connections, router, transaction
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from brokerless.deleting import deletable, remove
from brokerless.exceptions import BrokerlessError, TooManyTasks
from brokerless.models import TaskState
from brokerless.permissions import DELETE_TASKS, may_cancel, may_delete, may_retry
from brokerless.retrying import retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger("brokerless")

# What becomes of a task: the words of JSON.
DONE, FORBIDDEN, FINISHED, UNFINISHED, HELD, GONE, TOO_MANY, FAILED = (
    "done",
    "forbidden",
    "finished",
    "unfinished",
    "held",
    "gone",
    "too_many",
    "failed",
)
WORDS = {
    FORBIDDEN: gettext_lazy("No permission for it."),
    FINISHED: gettext_lazy("Finished already."),
    UNFINISHED: gettext_lazy("Not finished yet."),
    HELD: gettext_lazy("Something still needs it: its processes may hang, or other records refer to it."),
    GONE: gettext_lazy("No longer there."),
}


@dataclass(frozen=True)
class Outcome:
    """What became, or would become, of a task.

    reason: DONE, or why not. detail: the same for people. again: the task that does it again.
    """

    task: TaskState
    reason: str
    detail: str = ""
    again: TaskState | None = None

    @property
    def is_done(self) -> bool:
        return self.reason == DONE


def judged(action: str, tasks: Sequence[TaskState], user: AbstractBaseUser) -> list[Outcome]:
    """Say of each task, which the user sees, whether the action can be taken."""
    return [_outcome(task, reason) for task, reason in ACTIONS[action].judge(tasks, user)]


def carried_out(
    action: str, tasks: Sequence[TaskState], user: AbstractBaseUser, *, unique_key: str | None = None
) -> list[Outcome]:
    """Take the action with each task where it can be taken, and return what became of all of them.

    tasks: such as the user sees. unique_key: what tells this request from others; see `brokerless.once`.
    """
    outcomes = {outcome.task.pk: outcome for outcome in judged(action, tasks, user)}
    able = [outcome.task for outcome in outcomes.values() if outcome.is_done]
    outcomes.update((outcome.task.pk, outcome) for outcome in ACTIONS[action].act(able, user, unique_key))
    return list(outcomes.values())


def _judge_cancel(tasks: Iterable[TaskState], user: AbstractBaseUser) -> list[tuple[TaskState, str]]:
    return [
        (task, FORBIDDEN if not may_cancel(task, user) else FINISHED if task.is_finished else DONE)
        for task in tasks
    ]


def _judge_retry(tasks: Sequence[TaskState], user: AbstractBaseUser) -> list[tuple[TaskState, str]]:
    _read_contexts(tasks)
    return [
        (task, FORBIDDEN if not may_retry(task, user) else DONE if task.is_finished else UNFINISHED)
        for task in tasks
    ]


def _read_contexts(tasks: Sequence[TaskState]) -> None:
    """Read with one query what lists leave in the database, and is to be known of a task that is retried."""
    lacking = [task for task in tasks if "context" in task.get_deferred_fields()]
    found = TaskState.objects.order_by().filter(pk__in=[task.pk for task in lacking])
    contexts = dict(found.values_list("pk", "context"))
    for task in lacking:
        task.context = contexts.get(task.pk, {})


def _judge_delete(tasks: Sequence[TaskState], user: AbstractBaseUser) -> list[tuple[TaskState, str]]:
    chosen = TaskState.objects.filter(pk__in=[task.pk for task in tasks])
    free = set(deletable(chosen).order_by().values_list("pk", flat=True))

    def reason(task: TaskState) -> str:
        if not may_delete(task, user):
            return FORBIDDEN
        if not task.is_finished:
            return UNFINISHED
        return DONE if task.pk in free else HELD

    return [(task, reason(task)) for task in tasks]


def _cancel(tasks: Iterable[TaskState], user: AbstractBaseUser, _: str | None) -> list[Outcome]:
    return [
        _tried(task, lambda task: _outcome(task, DONE if task.cancel(by=user) else FINISHED)) for task in tasks
    ]


def _retry(tasks: Iterable[TaskState], user: AbstractBaseUser, unique_key: str | None) -> list[Outcome]:
    def again(task: TaskState) -> TaskState:
        return retry(task, by=user, unique_key=f"{unique_key} {task.pk}" if unique_key else None)

    return [_tried(task, lambda task: Outcome(task, DONE, again=again(task))) for task in tasks]


def _delete(tasks: Sequence[TaskState], user: AbstractBaseUser, _: str | None) -> list[Outcome]:
    """Delete them with a condition for whose they may be: whatever the rows have become since they were read."""
    allowed = TaskState.objects.named([task.pk for task in tasks], user=user)
    if user.is_staff and not user.has_perm(DELETE_TASKS):
        allowed = allowed.filter(owner_id=user.pk)
    try:
        gone = remove(allowed)
    except (Error, BrokerlessError, OSError) as error:
        logger.exception("Tasks could not be deleted.")
        return [Outcome(task, FAILED, str(error)) for task in tasks]

    others = [task.pk for task in tasks if task.pk not in gone]
    held = (
        set(TaskState.objects.order_by().filter(pk__in=others).values_list("pk", flat=True)) if others else set()
    )
    return [_outcome(task, DONE if task.pk in gone else HELD if task.pk in held else GONE) for task in tasks]


def _tried(task: TaskState, act: Callable[[TaskState], Outcome]) -> Outcome:
    """Do it with one task, whose failure keeps none of the others from it."""
    database = router.db_for_write(TaskState)
    try:
        if not connections[database].in_atomic_block:
            return act(task)
        # An error of the database spoils the transaction that it is in: a site may have one for each request.
        with transaction.atomic(using=database):
            return act(task)
    except TaskState.DoesNotExist:
        return _outcome(task, GONE)
    except TooManyTasks as error:
        text = ngettext(
            "Its owner has %(most)s unfinished task, as many as are allowed.",
            "Its owner has %(most)s unfinished tasks, as many as are allowed.",
            error.most,
        )
        return Outcome(task, TOO_MANY, text % {"most": error.most})
    except (Error, BrokerlessError, OSError) as error:
        return Outcome(task, FAILED, str(error))


def _outcome(task: TaskState, reason: str) -> Outcome:
    return Outcome(task, reason, str(WORDS.get(reason, "")))


@dataclass(frozen=True)
class Action:
    """How an action is judged and taken, and what its button says."""

    label: Any
    judge: Callable[..., list[tuple[TaskState, str]]]
    act: Callable[..., list[Outcome]]


ACTIONS = {
    "cancel": Action(pgettext_lazy("selected tasks", "Cancel"), _judge_cancel, _cancel),
    "retry": Action(pgettext_lazy("selected tasks", "Retry"), _judge_retry, _retry),
    "delete": Action(pgettext_lazy("selected tasks", "Delete"), _judge_delete, _delete),
}
