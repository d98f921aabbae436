"""The page and the JSON of one task, and what is done with it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from brokerless.exceptions import BrokerlessError, TooManyTasks
from brokerless.log_view import log_response
from brokerless.models import TaskState
from brokerless.permissions import is_launched_in_admin, may_cancel, may_retry
from brokerless.representation import can_stream, next_poll, represent
from brokerless.responses import (
    for_users,
    problem,
    see_other,
    too_many_tasks,
    unless_unchanged,
    wants_json,
)
from brokerless.retrying import retry
from brokerless.task_page import page_context
from brokerless.tick import look_after

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse


@require_safe
@for_users
def task_detail(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Show one task, brought to the truth first."""
    task = look_after(_task_or_404(request, task_id))
    if wants_json(request):
        return unless_unchanged(request, represent(task, request.user, can_stream=can_stream(request)))
    return render(request, "brokerless/task_detail.html", page_context(request, task))


@require_safe
@for_users
def task_log(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Return the task's log, or a piece of it; see `brokerless.log_view`."""
    return log_response(request, _task_or_404(request, task_id))


@require_POST
@for_users
def task_cancel(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Ask for the task to stop."""
    task = _task_or_404(request, task_id)
    if not may_cancel(task, request.user):
        detail = _("Only the owner, or staff with the permission to cancel tasks, may cancel this task.")
        return problem(request, HTTPStatus.FORBIDDEN, detail)
    if not task.cancel(by=request.user):
        return problem(request, HTTPStatus.CONFLICT, _("The task is finished; there is nothing to cancel."))
    if wants_json(request):
        return _accepted(request, task)
    return see_other(reverse("brokerless:task", args=[task.pk]))


@require_POST
@for_users
def task_retry(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Record a new task that does again what a finished one did, for the same owner."""
    task = look_after(_task_or_404(request, task_id))
    if not may_retry(task, request.user):
        return problem(request, HTTPStatus.FORBIDDEN, _who_may_retry(task))
    if not task.is_finished:
        detail = _("The task is not finished yet: wait until it has ended, or cancel it first.")
        return problem(request, HTTPStatus.CONFLICT, detail)
    try:
        # Who presses the button twice is led to what the first time has recorded, while that is unfinished.
        again = retry(task, by=request.user, unique_key=f"retry {task.pk}")
    except TooManyTasks as error:
        return too_many_tasks(request, error, is_own=task.owner_id == request.user.pk)
    except BrokerlessError as error:  # the code of today knows the command, its options or the queue no more
        return problem(request, HTTPStatus.CONFLICT, str(error))
    url = reverse("brokerless:task", args=[again.pk])
    if wants_json(request):
        response = _accepted(request, again)
        response["Location"] = url
        # In whole seconds, at least one (RFC 9110, 10.2.3).
        response["Retry-After"] = str(max(1, (next_poll(again) or 0) // 1000))
        return response
    text = _("We have your request. You may leave this page.")
    messages.success(request, text, fail_silently=True)  # a site may do without messages
    return see_other(url)


def _task_or_404(request: HttpRequest, task_id: UUID) -> TaskState:
    return get_object_or_404(TaskState.objects.visible_to(request.user), pk=task_id)


def _who_may_retry(task: TaskState) -> str:
    if is_launched_in_admin(task):
        return _("It was launched in the admin: only staff who may launch this command there may retry it.")
    return _("Only the owner, or staff with the permission to retry tasks, may retry this task.")


def _accepted(request: HttpRequest, task: TaskState) -> JsonResponse:
    """Answer 202 with the task's JSON."""
    body = represent(task, request.user, can_stream=can_stream(request))
    return JsonResponse(body, status=HTTPStatus.ACCEPTED)
