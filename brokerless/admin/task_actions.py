"""What can be done with selected tasks, each for those with the permission to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from brokerless import once
from brokerless.dashboard.actions import carried_out, judged
from brokerless.dashboard.selected_words import button, done_already, done_sentence, left_out_sentences, question
from brokerless.permissions import CANCEL_TASKS, RETRY_TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from brokerless.dashboard.actions import Outcome
    from brokerless.models import TaskState, TaskStateQuerySet

# With "select all" a list has no end, and a request should have one.
# Django takes 1,000 fields at once, and a confirmation sends one for each task.
MOST = {"cancel": 1000, "retry": 100, "delete": 900}
TEMPLATE = "admin/brokerless/taskstate/selected_confirmation.html"


class TaskActions:
    """Adds the actions of the list to a ModelAdmin of tasks."""

    actions = ("cancel_selected", "retry_selected", "delete_selected")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CANCEL_TASKS)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RETRY_TASKS)

    @admin.action(description=gettext_lazy("Cancel selected tasks"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: TaskStateQuerySet) -> None:
        """Ask for every selected task to stop, whatever becomes of the request for another."""
        if tasks := self._chosen(request, queryset, "cancel"):
            self._carry_out(request, "cancel", tasks)

    @admin.action(description=gettext_lazy("Retry selected tasks"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: TaskStateQuerySet) -> HttpResponse | None:
        """Ask whether all are to be done again; then record a new task for each that is finished."""
        return self._once_confirmed(request, queryset, "retry")

    # By its name it takes the place of Django's own, which would delete the rows alone.
    @admin.action(description=gettext_lazy("Delete selected tasks, with their logs"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: TaskStateQuerySet) -> HttpResponse | None:
        """Ask whether all are to be deleted; then delete those that are finished, with their logs and files."""
        return self._once_confirmed(request, queryset, "delete")

    def _once_confirmed(
        self, request: HttpRequest, queryset: TaskStateQuerySet, action: str
    ) -> HttpResponse | None:
        tasks = self._chosen(request, queryset, action)
        if not tasks:
            return None
        if request.POST.get("post"):
            if once.take(request):
                self._carry_out(request, action, tasks)
            else:
                self.message_user(request, done_already(), messages.WARNING)
            return None
        outcomes = judged(action, tasks, request.user)
        able = [outcome.task for outcome in outcomes if outcome.is_done]
        context = {
            **self.admin_site.each_context(request),
            "title": question(action, len(able)),
            "opts": self.opts,
            "media": self.media,
            "action": action,
            "once": once.token(),
            "button": button(action),
            "able": able,
            "left_out": [outcome for outcome in outcomes if not outcome.is_done],
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, TEMPLATE, context)

    def _chosen(self, request: HttpRequest, queryset: TaskStateQuerySet, action: str) -> list[TaskState]:
        """Return the selected tasks; none if they are more than are acted on at once, and say so to the user."""
        most = MOST[action]
        tasks = list(queryset[: most + 1])
        if len(tasks) <= most:
            return tasks
        text = ngettext(
            "At most %(most)s task at once: narrow the list down with filters.",
            "At most %(most)s tasks at once: narrow the list down with filters.",
            most,
        )
        self.message_user(request, text % {"most": most}, messages.ERROR)
        return []

    def _carry_out(self, request: HttpRequest, action: str, tasks: Sequence[TaskState]) -> None:
        outcomes = carried_out(action, tasks, request.user, unique_key=once.unique_key(request))
        done = [outcome for outcome in outcomes if outcome.is_done]
        self.note(request, action, done)
        if done:
            self.message_user(request, done_sentence(action, len(done)), messages.SUCCESS)
        others = [outcome for outcome in outcomes if not outcome.is_done]
        if others:
            self.message_user(request, left_out_sentences(others), messages.WARNING)

    def note(self, request: HttpRequest, action: str, done: Sequence[Outcome]) -> None:
        """Leave what was done in the admin's history."""
        if action == "delete":
            self.log_gone(request, [outcome.task for outcome in done])
            return
        for outcome in done:
            if outcome.again is not None and outcome.again.is_joined:
                continue  # the same request, sent twice at the same moment, has noted it
            self.log_change(request, outcome.task, _("Cancelled.") if action == "cancel" else _("Retried."))
            if outcome.again is not None:
                said = _("Retried from %(task)s.") % {"task": outcome.task.pk}
                self.log_addition(request, outcome.again, said)
