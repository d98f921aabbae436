"""Tasks in Django's admin: the list, and the page of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.forms import Media, Script
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from brokerless.admin.filters import CommandFilter, OwnerFilter, QueueFilter, StatusFilter
from brokerless.admin.launching import LaunchPages
from brokerless.admin.read_only import ReadOnlyAdmin, as_it_is, as_json, short_moment
from brokerless.admin.task_actions import TaskActions
from brokerless.admin.task_buttons import TaskButtons
from brokerless.admin.task_deletion import TaskDeletion
from brokerless.admin.task_log import TaskLog
from brokerless.admin.task_status import live_duration, live_status
from brokerless.dashboard.rows import LONG_FIELDS
from brokerless.representation import error_line
from brokerless.tick import look_after

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from brokerless.models import TaskState, TaskStateQuerySet


class TaskStateAdmin(TaskActions, TaskDeletion, TaskButtons, TaskLog, LaunchPages, ReadOnlyAdmin):
    list_display = ["__str__", "status_now", "owner", "created", "time_taken", "queue", "command"]
    list_filter = [StatusFilter, CommandFilter, QueueFilter, OwnerFilter, "created_at"]
    list_select_related = ["owner"]
    # What an index answers: a click on a column's head must not have all rows sorted. By status that would be for
    # the moment within each, which Django's list cannot be told.
    sortable_by = ["created"]
    search_help_text = _("Title, command, owner or id")
    fieldsets = [
        (None, {"fields": ["id", "title", "command", "status_now", "owner", "error_line", "error_text", "log"]}),
        (_("Called with"), {"fields": ["given_arguments", "given_options", "given_context", "retry_of"]}),
        (
            _("Times"),
            {"fields": ["created_at", "run_after", "started_at", "finished_at", "time_taken", "heartbeat_at"]},
        ),
        (
            _("Progress"),
            {"fields": ["progress_current", "progress_total", "progress_unit", "progress_message", "made"]},
        ),
        (_("Cancelled"), {"fields": ["cancel_requested_at", "cancel_requested_by"]}),
        (_("Limits"), {"fields": ["queue", "priority", "timeout", "memory_limit", "nice", "max_attempts"]}),
        (_("Attempts"), {"fields": ["attempt", "earlier_errors"]}),
        (
            _("Process"),
            {"fields": ["host", "monitor_pid", "command_pid", "lease", "exit_code", "exit_signal", "by_hand"]},
        ),
        (_("Used"), {"fields": ["cpu_seconds", "peak_memory"]}),
    ]

    @property
    def media(self) -> Media:
        return super().media + Media(
            js=[Script(f"brokerless/{name}.js", type="module") for name in ("tasks", "lists")]
        )

    def get_queryset(self, request: HttpRequest) -> TaskStateQuerySet:
        found = super().get_queryset(request)
        is_list = request.resolver_match and request.resolver_match.url_name.endswith("_changelist")
        return found.defer("arguments", "options", *LONG_FIELDS) if is_list else found

    def get_object(self, request: HttpRequest, *arguments: Any, **keywords: Any) -> TaskState | None:
        """Return a task, brought to the truth first."""
        task = super().get_object(request, *arguments, **keywords)
        return None if task is None else look_after(task)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["title", "command", f"owner__{get_user_model().USERNAME_FIELD}"]

    def get_search_results(
        self, request: HttpRequest, queryset: TaskStateQuerySet, search_term: str
    ) -> tuple[TaskStateQuerySet, bool]:
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    def view_on_site(self, obj: TaskState) -> str | None:
        """Lead to the task's own page, where the site has it."""
        try:
            return reverse("brokerless:task", args=[obj.pk])
        except NoReverseMatch:
            return None

    @admin.display(description=_("status"))
    def status_now(self, task: TaskState) -> SafeString:
        return live_status(task)

    @admin.display(description=_("created at"), ordering="created_at")
    def created(self, task: TaskState) -> str:
        return short_moment(task.created_at)

    @admin.display(description=_("time taken"))
    def time_taken(self, task: TaskState) -> SafeString:
        return live_duration(task)

    @admin.display(description=_("error"))
    def error_line(self, task: TaskState) -> str:
        return error_line(task)

    @admin.display(description=_("details of the error"))
    def error_text(self, task: TaskState) -> SafeString | str:
        return as_it_is(task.error_detail)

    @admin.display(description=_("errors of earlier attempts"))
    def earlier_errors(self, task: TaskState) -> SafeString | str:
        return as_json(task.errors)

    @admin.display(description=_("arguments"))
    def given_arguments(self, task: TaskState) -> SafeString | str:
        return as_json(task.arguments)

    @admin.display(description=_("options"))
    def given_options(self, task: TaskState) -> SafeString | str:
        return as_json(task.options)

    @admin.display(description=_("context"))
    def given_context(self, task: TaskState) -> SafeString | str:
        return as_json(task.context)

    @admin.display(description=_("result"))
    def made(self, task: TaskState) -> SafeString | str:
        return as_json(task.result)

    @admin.display(description=_("log"))
    def log(self, task: TaskState) -> SafeString:
        return self.log_end(task)
