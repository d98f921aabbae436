"""Cancel, retry and delete many tasks: what may be done with each, and what became of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import Error
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from brokerless.deleting import deletable, remove
from brokerless.exceptions import BrokerlessError, TooManyTasks
from brokerless.models import TaskState
from brokerless.permissions import DELETE_TASKS, may_cancel, may_delete, may_retry

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
    FORBIDDEN: gettext_lazy("You have no permission for it."),
    FINISHED: gettext_lazy("It is finished already."),
    UNFINISHED: gettext_lazy("It is not finished yet."),
    HELD: gettext_lazy("Something still needs it: its processes may hang, or other records refer to it."),
    GONE: gettext_lazy("It is not there any more."),
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


def carried_out(action: str, tasks: Sequence[TaskState], user: AbstractBaseUser) -> list[Outcome]:
    """Take the action with each task where it can be taken, and return what became of all of them.

    tasks: such as the user sees.
    """
    outcomes = {outcome.task.pk: outcome for outcome in judged(action, tasks, user)}
    able = [outcome.task for outcome in outcomes.values() if outcome.is_done]
    outcomes.update((outcome.task.pk, outcome) for outcome in ACTIONS[action].act(able, user))
    return list(outcomes.values())


def _judge_cancel(tasks: Iterable[TaskState], user: AbstractBaseUser) -> list[tuple[TaskState, str]]:
    return [
        (task, FORBIDDEN if not may_cancel(task, user) else FINISHED if task.is_finished else DONE)
        for task in tasks
    ]


def _judge_retry(tasks: Iterable[TaskState], user: AbstractBaseUser) -> list[tuple[TaskState, str]]:
    return [
        (task, FORBIDDEN if not may_retry(task, user) else DONE if task.is_finished else UNFINISHED)
        for task in tasks
    ]


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


def _cancel(tasks: Iterable[TaskState], user: AbstractBaseUser) -> list[Outcome]:
    return [
        _tried(task, lambda task: _outcome(task, DONE if task.cancel(by=user) else FINISHED)) for task in tasks
    ]


def _retry(tasks: Iterable[TaskState], user: AbstractBaseUser) -> list[Outcome]:
    return [_tried(task, lambda task: Outcome(task, DONE, again=task.retry(by=user))) for task in tasks]


def _delete(tasks: Sequence[TaskState], user: AbstractBaseUser) -> list[Outcome]:
    """Delete them with a condition for whose they may be: whatever the rows have become since they were read."""
    allowed = TaskState.objects.named([task.pk for task in tasks], user=user)
    if user.is_staff and not user.has_perm(DELETE_TASKS):
        allowed = allowed.filter(owner_id=user.pk)
    try:
        deleted = remove(allowed)
    except (Error, BrokerlessError, OSError) as error:
        logger.exception("Tasks could not be deleted.")
        return [Outcome(task, FAILED, str(error)) for task in tasks]

    def outcome(task: TaskState) -> Outcome:
        if task.pk in deleted.stuck:
            return Outcome(task, FAILED, _("Its files could not be removed."))
        return _outcome(task, DONE if task.pk in deleted.gone else HELD)

    return [outcome(task) for task in tasks]


def _tried(task: TaskState, act: Callable[[TaskState], Outcome]) -> Outcome:
    """Do it with one task, whose failure keeps none of the others from it."""
    try:
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
