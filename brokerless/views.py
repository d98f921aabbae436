"""The pages and the JSON of tasks."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
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
from brokerless.representation import (
    download,
    error_line,
    given,
    links,
    list_title,
    may_act_on,
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

    from brokerless.models import TaskStateQuerySet

PAGE_SIZE = 25
LOG_TAIL = 4_000  # bytes, on the task's page
SHOWN_VALUE = 40  # characters of a wrong value that its refusal repeats


@require_safe
@for_users
def task_list(request: HttpRequest) -> HttpResponse:
    """List the user's tasks, newest first, narrowed down by status and command."""
    tasks = TaskState.objects.visible_to(request.user)
    chosen = {name: request.GET[name] for name in ("status", "command") if request.GET.get(name)}
    if chosen.get("status", TaskState.Status.READY) not in TaskState.Status.values:
        known = ", ".join(f"{value} ({label})" for value, label in TaskState.Status.choices)
        detail = _("There is no status “%(status)s”. There is: %(known)s.")
        values = {"status": chosen["status"][:SHOWN_VALUE], "known": known}
        return problem(request, HTTPStatus.BAD_REQUEST, detail % values)
    if "\0" in chosen.get("command", ""):  # which PostgreSQL does not take for text
        return problem(request, HTTPStatus.BAD_REQUEST, _("command must be a command's name."))
    found = tasks.filter(**chosen)
    if request.user.is_staff:  # who may see what others asked for
        found = found.select_related("owner")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    if wants_json(request):
        return JsonResponse(
            {
                "count": page.paginator.count,
                "page": page.number,
                "pages": page.paginator.num_pages,
                "tasks": [represent(task, request.user) for task in page],
            }
        )
    context = {
        "page": page,
        "rows": [_row(task) for task in page],
        "shows_owner": any(task.owner_id != request.user.pk for task in page),
        "chosen": chosen,
        "statuses": TaskState.Status.choices,
        "commands": _commands(tasks, chosen.get("command")),
        "list_title": list_title(request.user),
    }
    return render(request, "brokerless/task_list.html", context)


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
    if not may_act_on(task, request.user):
        detail = _("Only the owner, or staff with the permission to change tasks, may cancel this task.")
        return problem(request, HTTPStatus.FORBIDDEN, detail)
    if not task.cancel(by=request.user):
        return problem(request, HTTPStatus.CONFLICT, _("The task is finished; there is nothing to cancel."))
    if wants_json(request):
        return JsonResponse(represent(task, request.user), status=HTTPStatus.ACCEPTED)
    return see_other(reverse("brokerless:task", args=[task.pk]))


def _row(task: TaskState) -> dict[str, Any]:
    """Return a task with what the list says of it beside its fields."""
    so_far = progress(task) if task.status == TaskState.Status.RUNNING else None
    return {
        "task": task,
        "given": given(task),
        "percent": so_far["percent"] if so_far else None,
        "time_taken": time_taken(task),
    }


def _commands(tasks: TaskStateQuerySet, chosen: str | None) -> list[str]:
    """Return the commands to choose from: those that occur among the tasks, and the one that is chosen."""
    occurring = tasks.order_by().values_list("command", flat=True).distinct()
    return sorted({*occurring, *([chosen] if chosen else [])})


def _task_or_404(request: HttpRequest, task_id: UUID) -> TaskState:
    return get_object_or_404(TaskState.objects.visible_to(request.user), pk=task_id)


def _unless_unchanged(request: HttpRequest, task: TaskState) -> HttpResponse:
    """Answer with the task's JSON, or with 304 if the client has it already."""
    body = json.dumps(represent(task, request.user)).encode()
    etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    response = HttpResponse(body, content_type="application/json", headers={"ETag": etag})
    return get_conditional_response(request, etag=etag, response=response)
