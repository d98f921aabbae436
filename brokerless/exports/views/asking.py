"""Ask for an export."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from brokerless import InvalidArguments, TooManyTasks, UnknownCommand, launch
from brokerless.exports.asking import forms
from brokerless.exports.asking.alike import unique_key
from brokerless.exports.asking.file_form import file_forms
from brokerless.exports.asking.file_options import offered_format
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import InvalidFilters, PermissionRefused, UnknownExporter
from brokerless.exports.files import quota
from brokerless.exports.registry import get_exporter
from brokerless.representation import can_stream, next_poll, represent
from brokerless.responses import for_users, problem, see_other, too_many_tasks, wants_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, QueryDict

    from brokerless.exports.exporter import Exporter
    from brokerless.models import TaskState


logger = logging.getLogger(__name__)


@require_http_methods(["GET", "HEAD", "POST"])
@for_users
def export(request: HttpRequest, name: str) -> HttpResponse:
    """Show the exporter's form (GET), or start an export (POST)."""
    try:
        exporter = permitted_exporter(request, name)
    except PermissionRefused as error:
        return problem(request, HTTPStatus.FORBIDDEN, str(error))
    if request.method != "POST":
        return _form(request, exporter, errors=_errors_of_query(request, exporter))
    return _started(request, exporter)


def _started(request: HttpRequest, exporter: Exporter) -> HttpResponse:
    """Start an export, or answer why not."""
    try:
        return _accepted(request, _launch(request, exporter))
    except forms.MalformedBody as error:
        return problem(request, error.status, str(error))
    except InvalidFilters as error:
        return refused(request, exporter, error)
    except quota.QuotaExceeded as error:
        return problem(request, HTTPStatus.INSUFFICIENT_STORAGE, str(error))
    except InvalidArguments as error:  # the command may be stricter than the filters
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except TooManyTasks as error:
        return too_many_tasks(request, error)
    except UnknownCommand as error:
        logger.error("The export %s cannot be started: %s", exporter.name, error)
        text = _("This export cannot be started: its command is missing here. Tell those who run the site.")
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, text)


def permitted_exporter(request: HttpRequest, name: str) -> Exporter:
    """Return the exporter of that name. Raises Http404, or PermissionRefused."""
    try:
        exporter = get_exporter(name)
    except UnknownExporter as error:
        raise Http404 from error
    exporter.check_permission(request.user)
    return exporter


def refused(request: HttpRequest, exporter: Exporter, error: InvalidFilters) -> HttpResponse:
    """Answer with what is wrong, beside each field."""
    if wants_json(request):
        detail = _("Some of the filters or options are wrong.")
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=error.errors)
    return _form(request, exporter, errors=error.errors, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _launch(request: HttpRequest, exporter: Exporter) -> TaskState:
    """Start an export, or join the user's own unfinished one of the same file to the same addresses."""
    asked = forms.read(request, exporter)
    quota.check(request.user)
    return launch(
        exporter.command_name,
        options=asked.options,
        request=request,
        title=exporter.describe(asked.filters),
        queue=settings.QUEUE,
        unique_key=unique_key(exporter.name, asked.options),
    )


def _errors_of_query(request: HttpRequest, exporter: Exporter) -> dict[str, list[str]]:
    """Return what is wrong with a query that fills in the form; of fields that nobody knows nothing is said."""
    known = {*exporter.get_filters(), *forms.FIELDS}
    given = {"format": offered_format(exporter)} | forms.from_form(_query(request), exporter)
    try:
        forms.clean(request, exporter, {name: value for name, value in given.items() if name in known})
    except InvalidFilters as error:
        return error.errors
    return {}


def _query(request: HttpRequest) -> QueryDict:
    """Return the query without the guard: a link, which may be anybody's, must not have unticked that box."""
    query = request.GET.copy()
    query.pop("guard", None)
    return query


def _form(
    request: HttpRequest,
    exporter: Exporter,
    *,
    errors: Mapping[str, list[str]],
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    data = request.POST if request.method == "POST" else _query(request)
    filterset = exporter.filterset(data or None, user=request.user)
    form = filterset.form if filterset is not None else None
    parts: dict[str, Any] = file_forms(exporter, request.user, data, errors)
    shown = {**(form.errors if form is not None else {})}
    for part in parts.values():
        shown |= part.errors
    # What no field says of itself: of unknown filters, of values that a form takes for none.
    beside_no_field = [f"{name}: {' '.join(texts)}" for name, texts in errors.items() if name not in shown]
    context = {"exporter": exporter, "form": form, "errors": beside_no_field, "parts": parts}
    return render(request, "brokerless_exports/export_form.html", context, status=status)


def _accepted(request: HttpRequest, task: TaskState) -> HttpResponse:
    url = reverse("brokerless:task", args=[task.pk])
    if wants_json(request):
        body = represent(task, request.user, can_stream=can_stream(request))
        response = JsonResponse(body, status=HTTPStatus.ACCEPTED)
        response["Location"] = url
        # In whole seconds, at least one (RFC 9110, 10.2.3).
        response["Retry-After"] = str(max(1, (next_poll(task) or 0) // 1000))
        return response
    messages.success(request, _received(task), fail_silently=True)  # a site may do without messages
    return see_other(url)


def _received(task: TaskState) -> str:
    """Return what the user reads of the request."""
    if not task.is_joined:
        return _("We have your request. The file is being made; you may leave this page.")
    if task.is_cancelling:
        return _("This export is just being cancelled; ask again when it has ended.")
    return _("This file is being made already; here it is.")
