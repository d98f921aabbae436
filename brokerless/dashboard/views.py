"""The list of tasks, and how those on a page are."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from brokerless.dashboard.filters import FilterForm
from brokerless.dashboard.paging import Page, counted, has_newer, page_of, place_of
from brokerless.dashboard.rows import (
    LONG_FIELDS,
    counts,
    duration_text,
    next_list_poll,
    row_of,
)
from brokerless.dashboard.truth import look_after_all
from brokerless.models import TaskState
from brokerless.representation import can_stream, list_title, represent, status_text
from brokerless.responses import for_users, problem, unless_unchanged, wants_json

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from brokerless.models import TaskStateQuerySet

MOST_AT_ONCE = 100  # tasks that one request names


@require_safe
@for_users
def task_list(request: HttpRequest) -> HttpResponse:
    """List the tasks that the user sees, newest first, narrowed down, a page at a time."""
    tasks = TaskState.objects.visible_to(request.user)
    form = FilterForm(request.GET, user=request.user, tasks=tasks, is_for_programs=wants_json(request))
    if not form.is_valid():
        return _refused(request, form)
    found = form.narrowed()
    if request.user.is_staff:  # who may see what others asked for
        found = found.select_related("owner")
    if not wants_json(request):
        found = found.defer(*LONG_FIELDS)
    try:
        places = {name: request.GET.get(name, "") for name in ("before", "after")}
        page = page_of(found, **places, is_few=form.is_few)
    except ValueError:
        return problem(
            request, HTTPStatus.BAD_REQUEST, _("There is no such place in the list; begin at its start.")
        )
    # A search has no index; to count what it finds would be to search again.
    count = counted(found) if page.count is None and not form.chosen.get("q") else page.count
    if wants_json(request):
        return _as_json(request, form, page, count)
    form.offer()
    return render(request, "brokerless/task_list.html", _context(request, form, tasks, page) | {"count": count})


@require_safe
@for_users
def task_statuses(request: HttpRequest) -> HttpResponse:
    """Say in JSON how some tasks are, brought to the truth first, and how many run and wait."""
    visible = TaskState.objects.visible_to(request.user)
    try:
        names = {UUID(text) for text in request.GET.getlist("task")}
        newer = request.GET.get("newer_than")
        is_newer = has_newer(visible, newer) if newer is not None else None
    except ValueError:
        return problem(
            request, HTTPStatus.BAD_REQUEST, _("A task is named by its id, a place by what a page said.")
        )
    if len(names) > MOST_AT_ONCE:
        return problem(request, HTTPStatus.BAD_REQUEST, too_many_named())
    found = look_after_all(_named(request, names))
    body: dict[str, Any] = {"tasks": {str(task.pk): _status_of(task) for task in found}}
    if request.GET.get("counts") != "0":
        body["counts"] = counts(visible)
    if is_newer is not None:
        body["newer"] = is_newer
    return unless_unchanged(request, body | {"next_poll_ms": next_list_poll(found)})


def _named(request: HttpRequest, keys: set[UUID]) -> TaskStateQuerySet:
    return TaskState.objects.named(keys, user=request.user).order_by().defer(*LONG_FIELDS)


def too_many_named() -> str:
    return _("Name at most %(most)s tasks at once.") % {"most": MOST_AT_ONCE}


def _refused(request: HttpRequest, form: FilterForm) -> HttpResponse:
    """Answer wrong filters: with sentences by field, or the form again."""
    if wants_json(request):
        errors = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        detail = " ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items())
        return problem(request, HTTPStatus.BAD_REQUEST, detail, errors=errors)
    form.offer()
    context = {"form": form, "is_refused": True, "list_title": list_title(request.user)}
    return render(request, "brokerless/task_list.html", context, status=HTTPStatus.BAD_REQUEST)


def _as_json(request: HttpRequest, form: FilterForm, page: Page, count: int | None) -> HttpResponse:
    address = reverse("brokerless:tasks")
    places = {"older": {"before": page.older}, "newer": {"after": page.newer}}
    return JsonResponse(
        {
            "count": count,
            "has_more": bool(page.older),
            "tasks": [represent(task, request.user, can_stream=can_stream(request)) for task in page.tasks],
            "next_poll_ms": next_list_poll(page.tasks),
            "links": {
                name: f"{address}?{urlencode(form.chosen | place)}"
                for name, place in places.items()
                if all(place.values())
            },
        }
    )


def _context(request: HttpRequest, form: FilterForm, tasks: TaskStateQuerySet, page: Page) -> dict[str, Any]:
    shown, chosen = page.tasks, form.chosen
    is_newest = page.is_first and not chosen
    return {
        "form": form,
        "page": page,
        "rows": [row_of(task) for task in shown],
        "shows_owner": any(task.owner_id != request.user.pk for task in shown),
        "shows_queue": len({task.queue for task in shown}) > 1,
        "counts": counts(tasks),
        "newest": place_of(shown[0]) if is_newest and shown else "",
        "chosen": urlencode(chosen),
        "can_stream": can_stream(request),
        "list_title": list_title(request.user),
    }


def _status_of(task: TaskState) -> dict[str, Any]:
    return {
        "status": task.status,
        "cancelling": task.is_cancelling,
        "is_finished": task.is_finished,
        "text": status_text(task),
        "duration": duration_text(task),
    }
