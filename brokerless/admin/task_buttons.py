"""What can be done with one task on its page: buttons that POST, and nothing that follows a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.http import require_POST

from brokerless import once
from brokerless.dashboard.actions import FORBIDDEN, carried_out
from brokerless.dashboard.selected_words import done_already, done_sentence
from brokerless.permissions import may_cancel, may_retry

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from django.urls import URLPattern

    from brokerless.dashboard.actions import Outcome
    from brokerless.models import TaskState


class TaskButtons:
    """Adds cancelling and retrying to the page of a task."""

    change_form_template = "admin/brokerless/taskstate/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        views = {"cancel": self.cancel_view, "retry": self.retry_view}
        own = [
            path(
                f"<uuid:task_id>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"brokerless_taskstate_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *arguments: Any, **keywords: Any
    ) -> HttpResponse:
        task = keywords.get("obj")
        if task is not None:
            context |= {
                "cancel_url": self.task_url("cancel", task.pk) if _is_to_cancel(request, task) else "",
                "retry_url": self.task_url("retry", task.pk) if _is_to_retry(request, task) else "",
                "once": once.token(),
            }
        return super().render_change_form(request, context, *arguments, **keywords)

    def cancel_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Ask for the task to stop."""
        self._act(request, "cancel", self._seen(request, task_id))
        return HttpResponseRedirect(self.task_url("change", task_id))

    def retry_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Record a new task that does the same, and lead to it."""
        task = self._seen(request, task_id)
        if not once.take(request):
            self.message_user(request, done_already(), messages.WARNING)
            return HttpResponseRedirect(self.task_url("change", task_id))
        outcome = self._act(request, "retry", task)
        return HttpResponseRedirect(self.task_url("change", outcome.again.pk if outcome.again else task_id))

    def _act(self, request: HttpRequest, action: str, task: TaskState) -> Outcome:
        """Do it and tell the user. Raises PermissionDenied."""
        (outcome,) = carried_out(action, [task], request.user, unique_key=once.unique_key(request))
        if outcome.reason == FORBIDDEN:
            raise PermissionDenied
        if outcome.is_done:
            self.note(request, action, [outcome])
            self.message_user(request, done_sentence(action, 1), messages.SUCCESS)
        else:
            self.message_user(request, outcome.detail, messages.WARNING)
        return outcome

    def _seen(self, request: HttpRequest, task_id: UUID) -> TaskState:
        """Return a task that the user may see. Raises Http404 and PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        task = self.get_object(request, str(task_id))
        if task is None:
            raise Http404
        return task


def _is_to_cancel(request: HttpRequest, task: TaskState) -> bool:
    return not task.is_finished and not task.is_cancelling and may_cancel(task, request.user)


def _is_to_retry(request: HttpRequest, task: TaskState) -> bool:
    return task.is_finished and may_retry(task, request.user)
