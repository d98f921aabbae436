"""Fetch an export file, read about it, and revoke the links that were mailed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from brokerless.exports.exceptions import PermissionRefused, UnknownExporter
from brokerless.exports.files import links
from brokerless.exports.files.ranges import UnsatisfiableRange
from brokerless.exports.files.streaming import StorageAway, file_response
from brokerless.exports.models import Delivery, ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.responses import for_users, problem, see_other, wants_json
from brokerless.tick import look_after

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse


@require_safe
@for_users
def file(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Send an export file to its owner, or to staff who may see it."""
    record = _record_or_404(request, file_id)
    return _not_permitted(request, record) or send(request, record)


@require_safe
@for_users
def about(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Show what a file is, until when it can be fetched, and to whom it was mailed."""
    record = _record_or_404(request, file_id)
    if refusal := _not_permitted(request, record):
        return refusal
    deliveries = list(record.deliveries.all())
    if wants_json(request):
        return JsonResponse(represent(record, deliveries))
    is_linked = not record.is_expired and any(delivery.has_open_link for delivery in deliveries)
    context = {"file": record, "title": title(record), "deliveries": deliveries, "is_linked": is_linked}
    return render(request, "brokerless_exports/file_about.html", context)


@require_POST
@for_users
def revoke_links(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Have all links to a file that were mailed lead nowhere, at once and for good."""
    record = _record_or_404(request, file_id)
    count = links.revoke(pk=record.pk)
    if wants_json(request):
        record.refresh_from_db(fields=["links_revoked_at"])
        return JsonResponse(represent(record, list(record.deliveries.all())))
    text = ngettext("%(count)s link was revoked.", "%(count)s links were revoked.", count) % {"count": count}
    messages.success(request, text, fail_silently=True)  # a site may do without messages
    return see_other(reverse("brokerless_exports:about_file", args=[record.pk]))


def send(request: HttpRequest, record: ExportFile) -> HttpResponse:
    """Send a file that the request may have, or say why not."""
    if not record.is_ready:
        return _not_ready(request, record)
    if record.is_expired:
        return problem(request, HTTPStatus.GONE, _expired_words(record))
    try:
        return file_response(request, record)
    except FileNotFoundError:
        return problem(request, HTTPStatus.GONE, _("The file is no longer there; ask for it again."))
    except UnsatisfiableRange as error:
        response = problem(request, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, str(error))
        response["Content-Range"] = f"bytes */{record.bytes}"
        return response
    except StorageAway as error:
        detail = _("The storage of the files cannot be reached: %(reason)s. Try again later.")
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, detail % {"reason": error})


def title(record: ExportFile) -> str:
    """Return what a file holds, in the words of its mail, its task, or its exporter, if there still is one."""
    if record.title:
        return record.title
    if record.task is not None and record.task.title and not record.task.by_hand:
        return record.task.title
    try:
        return get_exporter(record.exporter).describe(record.filters)
    except UnknownExporter:
        return record.name


def represent(record: ExportFile, deliveries: list[Delivery]) -> dict[str, Any]:
    """Return a file as JSON."""
    return {
        "id": str(record.pk),
        "name": record.name,
        "format": record.format,
        "content_type": record.content_type,
        "rows": record.rows,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "ready_at": record.ready_at,
        "expires_at": record.expires_at,
        "removed_at": record.removed_at,
        "links_revoked_at": record.links_revoked_at,
        "links": _links(record),
        "deliveries": [
            {
                "recipient": delivery.recipient,
                "status": delivery.status,
                "sent_at": delivery.sent_at,
                "link_expires_at": delivery.link_expires_at,
                "link_revoked_at": delivery.links_revoked_at,
            }
            for delivery in deliveries
        ],
    }


def _links(record: ExportFile) -> dict[str, str]:
    found = {"revoke_links": reverse("brokerless_exports:revoke_links", args=[record.pk])}
    if record.is_ready and not record.is_expired:
        found["download"] = record.get_absolute_url()
    return found


def _record_or_404(request: HttpRequest, file_id: UUID) -> ExportFile:
    # With its task, as both were at one moment: one that ends while this is read must not seem to leave no file.
    found = ExportFile.objects.visible_to(request.user).select_related("task")
    return get_object_or_404(found, pk=file_id)


def _not_permitted(request: HttpRequest, record: ExportFile) -> HttpResponse | None:
    """Refuse those from whom the permission was taken since; None for the others."""
    try:
        get_exporter(record.exporter).check_permission(request.user)
    except (UnknownExporter, PermissionRefused) as error:
        return problem(request, HTTPStatus.FORBIDDEN, str(error))
    return None


def _not_ready(request: HttpRequest, record: ExportFile) -> HttpResponse:
    """Say that the file is being made, or that it never will be: its task was killed before it could tidy up."""
    if record.task is not None and look_after(record.task).is_finished:
        detail = _("The export ended before the file was complete; ask for it again.")
        return problem(request, HTTPStatus.GONE, detail)
    return problem(request, HTTPStatus.CONFLICT, _("The file is not ready yet."))


def _expired_words(record: ExportFile) -> str:
    moment = record.expires_at or record.removed_at
    day = date_format(timezone.localtime(moment), "DATETIME_FORMAT", use_l10n=True)
    return _("The file expired on %(day)s; ask for it again.") % {"day": day}
