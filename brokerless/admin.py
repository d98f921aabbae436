"""Tasks and hosts in Django's admin: to be read, and to be cancelled; a task is changed by nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db import Error
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from brokerless import queues
from brokerless.conf import settings
from brokerless.exceptions import BrokerlessError
from brokerless.models import Host, TaskState
from brokerless.representation import error_line, time_taken
from brokerless.templatetags.brokerless import duration

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from brokerless.models import TaskStateQuerySet

# Long, and not shown in the list.
LONG_FIELDS = ("arguments", "options", "context", "result", "errors", "error_detail")


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows that only the runner writes.

    The permission to change them is one to act on them, never to fill in a form.
    """

    show_full_result_count = False  # a second count of all rows for every page

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is None and super().has_change_permission(request)


class QueueFilter(admin.SimpleListFilter):
    """By the queues of the settings: the names that occur would have to be read from the whole table."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted({queues.DEFAULT, *settings.QUEUES})]

    def queryset(self, request: HttpRequest, queryset: TaskStateQuerySet) -> TaskStateQuerySet:
        return queryset.filter(queue=self.value()) if self.value() else queryset


@admin.register(TaskState)
class TaskStateAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "command", "status_now", "owner", "queue", "created_at", "time_taken"]
    list_filter = ["status", QueueFilter, "created_at"]
    list_per_page = 50
    list_select_related = ["owner"]
    search_help_text = _("Title, command, owner or id")
    actions = ["cancel_selected"]
    fieldsets = [
        (None, {"fields": ["id", "title", "command", "status_now", "owner", "error_line", "error_text"]}),
        (_("Called with"), {"fields": ["arguments", "options", "context"]}),
        (
            _("Times"),
            {"fields": ["created_at", "run_after", "started_at", "finished_at", "time_taken", "heartbeat_at"]},
        ),
        (_("Cancelled"), {"fields": ["cancel_requested_at", "cancel_requested_by"]}),
        (_("Limits"), {"fields": ["queue", "priority", "timeout", "memory_limit", "nice", "max_attempts"]}),
        (_("Attempts"), {"fields": ["attempt", "earlier_errors"]}),
        (
            _("Process"),
            {"fields": ["host", "monitor_pid", "command_pid", "lease", "exit_code", "exit_signal"]},
        ),
        (_("Used"), {"fields": ["cpu_seconds", "peak_memory"]}),
        (
            _("Progress"),
            {"fields": ["progress_current", "progress_total", "progress_unit", "progress_message", "result"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> TaskStateQuerySet:
        found = super().get_queryset(request)
        is_list = request.resolver_match and request.resolver_match.url_name.endswith("_changelist")
        return found.defer(*LONG_FIELDS) if is_list else found

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["title", "command", f"owner__{get_user_model().USERNAME_FIELD}"]

    def get_search_results(
        self, request: HttpRequest, queryset: TaskStateQuerySet, search_term: str
    ) -> tuple[TaskStateQuerySet, bool]:
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    def has_delete_permission(self, request: HttpRequest, obj: TaskState | None = None) -> bool:
        """Allow it for finished tasks: without its row nobody would watch a process, or stop it."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_finished)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        """Say of unfinished tasks that they are why not, instead of a want of permission."""
        to_delete, counts, lacking, protected = super().get_deleted_objects(objs, request)
        unfinished = [task for task in objs if not task.is_finished]
        if unfinished and self.has_delete_permission(request):
            lacking = lacking - {self.opts.verbose_name}
        protected = [*protected, *(f"{task} ({task.get_status_display()})" for task in unfinished)]
        return to_delete, counts, lacking, protected

    def delete_queryset(self, request: HttpRequest, queryset: TaskStateQuerySet) -> None:
        """Leave out what has been launched since it was asked whether all are to be deleted."""
        super().delete_queryset(request, queryset.filter(status__in=TaskState.FINISHED))

    def view_on_site(self, obj: TaskState) -> str | None:
        """Lead to the task's own page, with its log, where the site has it."""
        try:
            return reverse("brokerless:task", args=[obj.pk])
        except NoReverseMatch:
            return None

    @admin.action(description=_("Cancel selected tasks"), permissions=["change"])
    def cancel_selected(self, request: HttpRequest, queryset: TaskStateQuerySet) -> None:
        """Ask for every selected task to stop, whatever becomes of the request for another."""
        asked, failed = 0, []
        finished = queryset.filter(status__in=TaskState.FINISHED).count()
        for task in queryset.unfinished():
            try:
                is_asked = task.cancel(by=request.user)
            except (Error, BrokerlessError, OSError) as error:
                failed.append(f"{task}: {error}")
                continue
            asked += is_asked
            finished += not is_asked
        self._say_what_was_cancelled(request, asked, finished, failed)

    def _say_what_was_cancelled(self, request: HttpRequest, asked: int, finished: int, failed: list[str]) -> None:
        if asked:
            text = ngettext("%(number)d task is being cancelled.", "%(number)d tasks are being cancelled.", asked)
            self.message_user(request, text % {"number": asked}, messages.SUCCESS)
        if finished:
            text = ngettext(
                "%(number)d task was finished already.", "%(number)d tasks were finished already.", finished
            )
            self.message_user(request, text % {"number": finished}, messages.WARNING)
        for line in failed:
            text = _("A task could not be cancelled. %(task_and_error)s")
            self.message_user(request, text % {"task_and_error": line}, messages.ERROR)

    @admin.display(description=_("status"), ordering="status")
    def status_now(self, task: TaskState) -> str:
        return _("Cancelling") if task.is_cancelling else task.get_status_display()

    @admin.display(description=_("time taken"))
    def time_taken(self, task: TaskState) -> str:
        return duration(time_taken(task))

    @admin.display(description=_("error"))
    def error_line(self, task: TaskState) -> str:
        return error_line(task)

    @admin.display(description=_("details of the error"))
    def error_text(self, task: TaskState) -> SafeString | str:
        return _as_it_is(task.error_detail)

    @admin.display(description=_("errors of earlier attempts"))
    def earlier_errors(self, task: TaskState) -> SafeString | str:
        return _as_it_is(json.dumps(task.errors, indent=2, ensure_ascii=False) if task.errors else "")


@admin.register(Host)
class HostAdmin(ReadOnlyAdmin):
    list_display = ["name", "dispatched_at", "paused_at"]
    search_fields = ["name"]

    def has_delete_permission(self, request: HttpRequest, obj: Host | None = None) -> bool:
        """Refuse it: with its row a host would lose its pause."""
        return False


def _as_it_is(text: str) -> SafeString | str:
    """Show a text with its lines and spaces."""
    return format_html("<pre>{}</pre>", text) if text else ""
