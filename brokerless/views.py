"""The page and the JSON of one task, and what is done with it."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from brokerless.attempt_log import attempt_log
from brokerless.functions.wording import function_path
from brokerless.log_view import log_response
from brokerless.models import TaskState
from brokerless.permissions import may_cancel
from brokerless.representation import (
    download,
    error_line,
    links,
    list_title,
    progress,
    represent,
    time_taken,
    waits_until,
)
from brokerless.responses import for_users, problem, see_other, wants_json
from brokerless.tick import look_after

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest


LOG_TAIL = 4_000  # bytes, on the task's page


@require_safe
@for_users
def task_detail(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Show one task, brought to the truth first."""
    task = look_after(_task_or_404(request, task_id))
    if wants_json(request):
        return _unless_unchanged(request, task)
    log = attempt_log(task)
    log_end = log.end(LOG_TAIL)
    context = {
        "task": task,
        "progress": progress(task),
        "function": function_path(task),
        "time_taken": time_taken(task),
        "error_line": error_line(task),
        "list_title": list_title(request.user),
        "links": links(task, request.user),
        "download": download(task, request.user),
        "log": log,
        "log_end": log_end,
        "log_shown": (log_end.text + log_end.line).strip(),
        "waits_until": waits_until(task),
        "refreshes": not task.is_finished and request.GET.get("refresh") != "off",
    }
    return render(request, "brokerless/task_detail.html", context)


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
        return JsonResponse(represent(task, request.user), status=HTTPStatus.ACCEPTED)
    return see_other(reverse("brokerless:task", args=[task.pk]))


def _task_or_404(request: HttpRequest, task_id: UUID) -> TaskState:
    return get_object_or_404(TaskState.objects.visible_to(request.user), pk=task_id)


def _unless_unchanged(request: HttpRequest, task: TaskState) -> HttpResponse:
    """Answer with the task's JSON, or with 304 if the client has it already."""
    body = json.dumps(represent(task, request.user)).encode()
    etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    response = HttpResponse(body, content_type="application/json", headers={"ETag": etag})
    return get_conditional_response(request, etag=etag, response=response)
