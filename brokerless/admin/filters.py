"""The filters of the list of tasks. None reads the table for its choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from brokerless.dashboard.choices import command_names, queue_names
from brokerless.models import TaskState

if TYPE_CHECKING:
    from django.http import HttpRequest

    from brokerless.models import TaskStateQuerySet


class StatusFilter(admin.SimpleListFilter):
    """By status; also by what several have in common, and by the one that is shown and not stored."""

    title = _("status")
    parameter_name = "status"
    UNFINISHED, CANCELLING = "unfinished", "cancelling"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [
            (self.UNFINISHED, _("Unfinished")),
            (self.CANCELLING, _("Cancelling")),
            *TaskState.Status.choices,
        ]

    def queryset(self, request: HttpRequest, queryset: TaskStateQuerySet) -> TaskStateQuerySet:
        chosen = self.value()
        if chosen in TaskState.Status.values:
            return queryset.filter(status=chosen)
        if chosen == self.CANCELLING:
            queryset = queryset.filter(cancel_requested_at__isnull=False)
        return queryset.unfinished() if chosen in (self.UNFINISHED, self.CANCELLING) else queryset


class CommandFilter(admin.SimpleListFilter):
    """By the commands that occur."""

    title = _("command")
    parameter_name = "command"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, name) for name in command_names(TaskState.objects.visible_to(request.user), request.user)]

    def queryset(self, request: HttpRequest, queryset: TaskStateQuerySet) -> TaskStateQuerySet:
        return queryset.filter(command=self.value()) if self.value() else queryset


class QueueFilter(admin.SimpleListFilter):
    """By the queues of the settings."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, name) for name in queue_names()]

    def queryset(self, request: HttpRequest, queryset: TaskStateQuerySet) -> TaskStateQuerySet:
        return queryset.filter(queue=self.value()) if self.value() else queryset


class OwnerFilter(admin.SimpleListFilter):
    """By who asked for a task: oneself, some person, or nobody, as for what cron starts."""

    title = _("owner")
    parameter_name = "owned"
    MINE, SOMEBODY, NOBODY = "mine", "somebody", "nobody"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [
            (self.MINE, _("My own")),
            (self.SOMEBODY, _("With an owner")),
            (self.NOBODY, _("Without an owner")),
        ]

    def queryset(self, request: HttpRequest, queryset: TaskStateQuerySet) -> TaskStateQuerySet:
        conditions = {
            self.MINE: {"owner": request.user},
            self.SOMEBODY: {"owner__isnull": False},
            self.NOBODY: {"owner__isnull": True},
        }
        return queryset.filter(**conditions.get(self.value(), {}))
