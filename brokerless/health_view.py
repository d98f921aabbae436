"""The health URL: 200 or 503, for whatever watches the site. Details only for staff who may see every task."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from brokerless.health import Problem, as_json, is_healthy, look
from brokerless.responses import JSON_TYPE

if TYPE_CHECKING:
    from django.http import HttpRequest

VIEW_TASKS = "brokerless.view_taskstate"  # the permission


@login_not_required
@transaction.non_atomic_requests  # under ATOMIC_REQUESTS a database that is away would not get us this far
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Say whether tasks are well, in one line or in JSON; to staff who may see every task, what is not."""
    problems = look()
    status = HTTPStatus.OK if is_healthy(problems) else HTTPStatus.SERVICE_UNAVAILABLE
    found = as_json(problems)
    if not _may_know(request, problems):
        del found["problems"]
    if request.get_preferred_type(["text/plain", JSON_TYPE]) == JSON_TYPE:
        response: HttpResponse = JsonResponse(found, status=status)
    else:
        lines = ["ok" if found["healthy"] else "not ok", *(each["text"] for each in found.get("problems", ()))]
        response = HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8", status=status)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept", "Cookie"])
    # Django would log it as an error of the server, and mail it to ADMINS with every look.
    response._has_been_logged = True  # noqa: SLF001 - there is no other way
    return response


def _may_know(request: HttpRequest, problems: list[Problem]) -> bool:
    if any(problem.name == "database" for problem in problems):
        return False  # nobody knows who asks
    try:
        user = request.user
        return user.is_staff and user.has_perm(VIEW_TASKS)
    except Exception:  # no authentication is set up, or sessions are elsewhere, and away
        return False
