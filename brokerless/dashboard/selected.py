"""What is done with the tasks that somebody selected: first said, then done; a program says it once."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from brokerless import once
from brokerless.dashboard.actions import ACTIONS, carried_out, judged
from brokerless.dashboard.rows import LONG_FIELDS
from brokerless.dashboard.selected_words import button, done_already, done_sentence, left_out_sentences, question
from brokerless.dashboard.views import MOST_AT_ONCE, too_many_named
from brokerless.models import TaskState
from brokerless.representation import list_title
from brokerless.responses import JSON_TYPE, for_users, problem, see_other, wants_json, way_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest

    from brokerless.dashboard.actions import Outcome


class UnclearRequest(ValueError):  # noqa: N818 - reads as what it says
    """What was sent says nothing that can be done. The text says why."""


@require_POST
@for_users
def selected(request: HttpRequest) -> HttpResponse:
    """Cancel, retry or delete tasks of a list; a page asks first."""
    try:
        action, names = _from_json(request) if request.content_type == JSON_TYPE else _from_form(request)
        keys = _keys(names)
        if action not in ACTIONS:
            raise UnclearRequest(
                _("There is no such action. There is: %(known)s.") % {"known": ", ".join(ACTIONS)}
            )
    except UnclearRequest as error:
        return problem(request, HTTPStatus.BAD_REQUEST, str(error))
    tasks = list(TaskState.objects.named(keys, user=request.user).defer(*LONG_FIELDS))
    if wants_json(request):
        return _as_json(action, carried_out(action, tasks, request.user))
    if not tasks:
        messages.warning(request, _("No task is selected."), fail_silently=True)  # a site may do without messages
        return see_other(way_back(request))
    if "confirmed" not in request.POST:
        return _confirmation(request, action, judged(action, tasks, request.user))
    if once.take(request):
        _tell(request, action, carried_out(action, tasks, request.user, unique_key=once.unique_key(request)))
    else:
        messages.info(request, done_already(), fail_silently=True)
    return see_other(way_back(request))


def _from_form(request: HttpRequest) -> tuple[str, list[str]]:
    whole_page = request.POST.getlist("on_page") if request.POST.get("all") else []
    return request.POST.get("action", ""), [*request.POST.getlist("tasks"), *whole_page]


def _from_json(request: HttpRequest) -> tuple[str, list[Any]]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise UnclearRequest(_("The body is no JSON: %(reason)s") % {"reason": error}) from error
    names = body.get("tasks") if isinstance(body, dict) else None
    if not isinstance(names, list):
        raise UnclearRequest(_("Send an object with the name of an action and a list of tasks."))
    return str(body.get("action", "")), names


def _keys(names: Iterable[Any]) -> set[UUID]:
    try:
        keys = {UUID(name) for name in names}
    except (ValueError, TypeError, AttributeError) as error:
        raise UnclearRequest(_("A task is named by its id.")) from error
    if len(keys) > MOST_AT_ONCE:
        raise UnclearRequest(too_many_named())
    return keys


def _as_json(action: str, outcomes: Sequence[Outcome]) -> HttpResponse:
    is_begun = action != "delete" and any(outcome.is_done for outcome in outcomes)
    found = {str(outcome.task.pk): _represented(outcome) for outcome in outcomes}
    body = {"action": action, "done": sum(outcome.is_done for outcome in outcomes), "tasks": found}
    return JsonResponse(body, status=HTTPStatus.ACCEPTED if is_begun else HTTPStatus.OK)


def _represented(outcome: Outcome) -> dict[str, str]:
    found = {"outcome": outcome.reason}
    if outcome.detail:
        found["detail"] = outcome.detail
    if outcome.again is not None:
        found["task"] = str(outcome.again.pk)
    return found


def _confirmation(request: HttpRequest, action: str, outcomes: Sequence[Outcome]) -> HttpResponse:
    able = [outcome.task for outcome in outcomes if outcome.is_done]
    context = {
        "action": action,
        "question": question(action, len(able)),
        "button": button(action),
        "able": able,
        "left_out": [outcome for outcome in outcomes if not outcome.is_done],
        "next": way_back(request),
        "once": once.token(),
        "list_title": list_title(request.user),
    }
    return render(request, "brokerless/tasks_selected.html", context)


def _tell(request: HttpRequest, action: str, outcomes: Sequence[Outcome]) -> None:
    """Say how many it was done with, and why not with the others."""
    done = sum(outcome.is_done for outcome in outcomes)
    if done:
        messages.success(request, done_sentence(action, done), fail_silently=True)
    others = [outcome for outcome in outcomes if not outcome.is_done]
    if others:
        messages.warning(request, left_out_sentences(others), fail_silently=True)
