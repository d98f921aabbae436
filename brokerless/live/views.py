"""The streams of changes: of one task, and of what else a page shows."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from brokerless.live.snapshots import Snapshots
from brokerless.live.stream import Stream
from brokerless.live.subscription import Watched
from brokerless.models import TaskState
from brokerless.representation import can_stream
from brokerless.responses import STREAM_TYPE, for_users, problem
from brokerless.tick import look_after

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

ROWS_LIMIT = 100
HEADERS = {
    "Content-Type": STREAM_TYPE,
    # Neither kept nor compressed on the way; a proxy that compresses waits until it has enough.
    "Cache-Control": "private, no-cache, no-transform",
    # nginx passes everything on at once then.
    "X-Accel-Buffering": "no",
}


@require_safe
@for_users
def task_events(request: HttpRequest, task_id: UUID) -> HttpResponseBase:
    """Send a task's JSON now and whenever it changes, until it is finished; and hints, if they are asked for."""
    _require_asgi(request)
    task = look_after(get_object_or_404(TaskState.objects.visible_to(request.user), pk=task_id))
    watched = _watched(request, task.pk)
    if watched is None:
        return _wrong_rows(request)
    snapshots = Snapshots(task, request.user, last_event_id=request.headers.get("Last-Event-ID", ""))
    if snapshots.is_known and task.is_finished and not watched.topics:
        return _nothing_more()
    return _respond(request, Stream(request, watched, snapshots))


@require_safe
@for_users
def events(request: HttpRequest) -> HttpResponseBase:
    """Send a hint whenever something changes in the rows that are named, or for the user's notices."""
    _require_asgi(request)
    watched = _watched(request)
    if watched is None:
        return _wrong_rows(request)
    if not watched.topics:
        return _nothing_more()
    return _respond(request, Stream(request, watched))


def _require_asgi(request: HttpRequest) -> None:
    # Under WSGI Django would wait for the last frame before it sent the first.
    if not can_stream(request):
        raise Http404


def _watched(request: HttpRequest, task_id: UUID | None = None) -> Watched | None:
    """Return what the request asks for, of rows those that its user may see; None, if it cannot be understood."""
    texts = request.GET.getlist("row")
    try:
        asked = {UUID(text) for text in texts}
    except ValueError:
        return None
    if len(asked) > ROWS_LIMIT:
        return None
    rows = TaskState.objects.visible_to(request.user).filter(pk__in=asked).order_by()
    return Watched(
        task_id=task_id,
        row_ids=frozenset(rows.values_list("pk", flat=True)) if asked else frozenset(),
        owner_id=request.user.pk if request.GET.get("notices") == "1" else None,
    )


def _wrong_rows(request: HttpRequest) -> HttpResponse:
    detail = _("row must be the ID of a task, given at most %(most)s times.")
    return problem(request, HTTPStatus.BAD_REQUEST, detail % {"most": ROWS_LIMIT})


def _nothing_more() -> HttpResponse:
    """Answer so that the client does not connect again (HTML standard, 9.2.3)."""
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _respond(request: HttpRequest, stream: Stream) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse(headers=HEADERS)
    # For GZipMiddleware and its kin, which would make a gzip file of each frame: of several in a row Chromium
    # reads the first. "Content-Encoding: identity" would keep them off, too, but should not be sent (RFC 9110,
    # 8.4.1).
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    return StreamingHttpResponse(stream, headers=HEADERS)
