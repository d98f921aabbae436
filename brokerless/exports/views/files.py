"""Fetch an export file."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from brokerless.exports.exceptions import PermissionRefused, UnknownExporter
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.exports.streaming import file_response
from brokerless.responses import for_users, problem
from brokerless.tick import look_after

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse


@require_safe
@for_users
def file(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Send an export file to its owner, or to staff who may see it."""
    # With its task, as both were at one moment: one that ends while this is read must not seem to leave no file.
    found = ExportFile.objects.visible_to(request.user).select_related("task")
    record = get_object_or_404(found, pk=file_id)
    try:
        get_exporter(record.exporter).check_permission(request.user)
    except (UnknownExporter, PermissionRefused) as error:
        return problem(request, HTTPStatus.FORBIDDEN, str(error))
    if not record.is_ready:
        return _not_ready(request, record)
    try:
        return file_response(request, record)
    except FileNotFoundError:
        return problem(request, HTTPStatus.GONE, _("The file is no longer there; ask for it again."))


def _not_ready(request: HttpRequest, record: ExportFile) -> HttpResponse:
    """Say that the file is being made, or that it never will be: its task was killed before it could tidy up."""
    if record.task is not None and look_after(record.task).is_finished:
        detail = _("The export ended before the file was complete; ask for it again.")
        return problem(request, HTTPStatus.GONE, detail)
    return problem(request, HTTPStatus.CONFLICT, _("The file is not ready yet."))
