"""What the page of one task shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from brokerless.attempt_log import attempt_log
from brokerless.functions.wording import function_path
from brokerless.models import TaskState
from brokerless.representation import (
    can_stream,
    download,
    error_line,
    links,
    list_title,
    progress,
    time_taken,
    waits_until,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import HttpRequest

LOG_TAIL = 4_000  # bytes
RETRIES_SHOWN = 5


def page_context(request: HttpRequest, task: TaskState) -> dict[str, Any]:
    """Return what `brokerless/task_detail.html` is rendered with."""
    log = attempt_log(task)
    log_end = log.end(LOG_TAIL)
    return {
        "task": task,
        "progress": progress(task),
        "notices": task.notices or [],
        "function": function_path(task),
        "time_taken": time_taken(task),
        "error_line": error_line(task),
        "list_title": list_title(request.user),
        "links": links(task, request.user, can_stream=can_stream(request)),
        "download": download(task, request.user),
        "starts_download": task.owner_id
        == request.user.pk,  # by itself; who looks at others' tasks wants no files
        "log": log,
        "log_end": log_end,
        "log_shown": (log_end.text + log_end.line).strip(),
        "waits_until": waits_until(task),
        "refreshes": not task.is_finished and request.GET.get("refresh") != "off",
        **_relatives(task, request.user),
    }


def _relatives(task: TaskState, user: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """Return the task that this one does again, and those that did this one again, of those that the user sees."""
    related = Q(pk=task.retry_of_id) | Q(retry_of_id=task.pk)
    seen = TaskState.objects.visible_to(user).filter(related).order_by("-created_at", "pk")
    tasks = [*seen.only("command", "title", "status", "retry_of_id", "created_at")[: RETRIES_SHOWN + 1]]
    return {
        "retry_of": next((other for other in tasks if other.pk == task.retry_of_id), None),
        "retries": [other for other in tasks if other.retry_of_id == task.pk][:RETRIES_SHOWN],
    }
