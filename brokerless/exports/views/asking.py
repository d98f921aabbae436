"""Ask for an export."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from brokerless import InvalidArguments, TooManyTasks, launch
from brokerless.exports import forms
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import InvalidFilters, PermissionRefused, UnknownExporter
from brokerless.exports.registry import get_exporter
from brokerless.representation import next_poll, represent
from brokerless.responses import for_users, problem, see_other, too_many_tasks, wants_json

if TYPE_CHECKING:
    from django.forms import Form
    from django.http import HttpRequest

    from brokerless.exports.exporter import Exporter
    from brokerless.models import TaskState


@require_http_methods(["GET", "HEAD", "POST"])
@for_users
def export(request: HttpRequest, name: str) -> HttpResponse:
    """Show the exporter's form (GET), or start an export (POST)."""
    try:
        exporter = get_exporter(name)
        exporter.check_permission(request.user)
    except UnknownExporter as error:
        raise Http404 from error
    except PermissionRefused as error:
        return problem(request, HTTPStatus.FORBIDDEN, str(error))
    if request.method != "POST":
        return _form(request, exporter)
    try:
        asked = forms.read(request, exporter)
    except forms.MalformedBody as error:
        return problem(request, error.status, str(error))
    except InvalidFilters as error:
        return _refused(request, exporter, error)
    try:
        task = _launch(request, exporter, asked)
    except InvalidArguments as error:  # the command may be stricter than the filters
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except TooManyTasks as error:
        return too_many_tasks(request, error)
    return _accepted(request, task)


def _launch(request: HttpRequest, exporter: Exporter, asked: forms.Asked) -> TaskState:
    """Start an export, or join the user's own unfinished one of the same rows to the same addresses."""
    return launch(
        exporter.command_name,
        options=asked.options,
        request=request,
        title=exporter.describe(asked.filters),
        queue=settings.QUEUE,
        unique_key=f"export {exporter.name} {json.dumps(asked.options, sort_keys=True)}",
    )


def _form(request: HttpRequest, exporter: Exporter, *, errors: InvalidFilters | None = None) -> HttpResponse:
    data = request.POST if errors else request.GET
    filterset = exporter.filterset(data or None)
    form = filterset.form if filterset is not None else None
    context = {
        "exporter": exporter,
        "form": form,
        "errors": _errors_beside_no_field(form, errors),
        "wants_mail": forms.wants_mail(data),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return render(request, "brokerless_exports/export_form.html", context, status=status)


def _errors_beside_no_field(form: Form | None, errors: InvalidFilters | None) -> list[str]:
    """Return what the form itself does not say: of unknown filters, of the mail, of values it takes for none."""
    said = form.errors if form is not None else {}
    found = errors.errors.items() if errors else ()
    return [f"{name}: {' '.join(texts)}" for name, texts in found if name not in said]


def _refused(request: HttpRequest, exporter: Exporter, error: InvalidFilters) -> HttpResponse:
    if wants_json(request):
        detail = _("Some of the filters are wrong.")
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=error.errors)
    return _form(request, exporter, errors=error)


def _accepted(request: HttpRequest, task: TaskState) -> HttpResponse:
    url = reverse("brokerless:task", args=[task.pk])
    if wants_json(request):
        response = JsonResponse(represent(task, request.user), status=HTTPStatus.ACCEPTED)
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
