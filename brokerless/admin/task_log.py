"""A task's log in the admin: its end on the task's page, and the whole of it at an address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from brokerless.attempt_log import attempt_log
from brokerless.log_view import ATTEMPT_DIGITS, OFFSET_DIGITS, elsewhere_words, is_number, log_response

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from brokerless.attempt_log import AttemptLog
    from brokerless.models import TaskState

LOG_END = 8_000  # bytes, on the task's page


class TaskLog:
    """Adds the log to a ModelAdmin of tasks. Who may see a task may read its log."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_safe(self.log_view))
        return [path("<uuid:task_id>/log/", view, name="brokerless_taskstate_log"), *super().get_urls()]

    def log_end(self, task: TaskState) -> SafeString | str:
        """Return the last lines, and a link to all."""
        log = attempt_log(task)
        if log.elsewhere:
            return elsewhere_words(log)
        lines = log.end(LOG_END)
        text = (lines.text + lines.line).strip()
        if not text:
            return _("There is no output yet.") if not task.is_finished else _("There was no output.")
        address = self.task_url("log", task.pk)
        return format_html(
            '<pre class="bl-text bl-log" tabindex="0">{}</pre> <a href="{}">{}</a> · <a href="{}?raw=1">{}</a>',
            text,
            address,
            _("The whole log"),
            address,
            _("as a file"),
        )

    def log_view(self, request: HttpRequest, task_id: UUID) -> HttpResponseBase:
        """Return the log as text, as the task's own pages do."""
        task = self.get_object(request, str(task_id))
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        if task is None:
            raise Http404
        log = _asked_for(request, task)
        if log.elsewhere:
            self.message_user(request, elsewhere_words(log), messages.WARNING)
            return HttpResponseRedirect(self.task_url("change", task.pk))
        return log_response(request, task)

    def task_url(self, view: str, task_id: UUID) -> str:
        name = f"admin:brokerless_taskstate_{view}"
        return reverse(name, args=[task_id], current_app=self.admin_site.name)


def _asked_for(request: HttpRequest, task: TaskState) -> AttemptLog:
    """Return the log of the attempt in the address. Raises Http404, which the site has a page for."""
    numbers = {"offset": OFFSET_DIGITS, "attempt": ATTEMPT_DIGITS}
    if not all(is_number(request.GET.get(name, "0"), digits) for name, digits in numbers.items()):
        raise Http404
    attempt = request.GET.get("attempt")
    log = attempt_log(task, None if attempt is None else int(attempt))
    if log is None:
        raise Http404
    return log
