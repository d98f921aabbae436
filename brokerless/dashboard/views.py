"""The list of tasks."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from brokerless.models import TaskState
from brokerless.representation import given, list_title, progress, represent, time_taken
from brokerless.responses import for_users, problem, wants_json

if TYPE_CHECKING:
    from django.http import HttpRequest

    from brokerless.models import TaskStateQuerySet

PAGE_SIZE = 25
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
