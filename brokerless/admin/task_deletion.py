"""Deleting a task on its page: with its log and what it made, if it may go at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from brokerless.dashboard.actions import carried_out, judged
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from brokerless.models import TaskStateQuerySet


class TaskDeletion:
    """Has a ModelAdmin of tasks delete them as the runner does; the row alone would leave the log behind."""

    def has_delete_permission(self, request: HttpRequest, obj: TaskState | None = None) -> bool:
        """Allow it for finished tasks: without its row nobody would watch a process, or stop it."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_finished)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        """Name the tasks that may not be deleted, and why."""
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        kept = [outcome for outcome in judged("delete", list(objs), request.user) if not outcome.is_done]
        named = [_("%(task)s: %(reason)s") % {"task": outcome.task, "reason": outcome.detail} for outcome in kept]
        return to_delete, counts, lacking, [*protected, *named]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list:
        """Leave it: Django's views would tell the history before anything is gone, and what may stay."""
        return []

    def log_gone(self, request: HttpRequest, tasks: Sequence[TaskState]) -> None:
        """Leave in the admin's history which tasks were deleted."""
        if tasks:
            super().log_deletions(request, tasks)

    def delete_model(self, request: HttpRequest, obj: TaskState) -> None:
        self.delete_queryset(request, TaskState.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: TaskStateQuerySet) -> None:
        """Delete tasks, and say which could not be since it was asked whether they are to go."""
        outcomes = carried_out("delete", list(queryset), request.user)
        self.log_gone(request, [outcome.task for outcome in outcomes if outcome.is_done])
        for outcome in outcomes:
            if not outcome.is_done:
                text = _("%(task)s: %(reason)s") % {"task": outcome.task, "reason": outcome.detail}
                self.message_user(request, text, messages.ERROR)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        """Lead back to a task that is still there."""
        if TaskState.objects.filter(pk=obj_id).exists():
            return HttpResponseRedirect(self.task_url("change", obj_id))
        return super().response_delete(request, obj_display, obj_id)
