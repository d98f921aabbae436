"""A task's log over HTTP: as text for people, in JSON for the page that follows it, as it was written to keep."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from brokerless.attempt_log import attempt_log
from brokerless.responses import problem, wants_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from brokerless.attempt_log import AttemptLog
    from brokerless.log_lines import Lines
    from brokerless.models import TaskState

LOG_CHUNK = 65_536  # bytes, for who goes on from an offset
LOG_BEGINNING = 1_048_576  # bytes, for who looks at the log from its beginning
LINE_LIMIT = 4_000  # characters of a line that is not finished; it is sent with every piece
OFFSET_DIGITS = 12  # no log has a terabyte, and a file system may refuse to look for it there
ATTEMPT_DIGITS = 5
NEXT_OFFSET_HEADER = "X-Next-Offset"
TEXT_TYPE = "text/plain; charset=utf-8"


def log_response(request: HttpRequest, task: TaskState) -> HttpResponseBase:
    """Return a piece of a log as `docs/http.md` describes it."""
    numbers = {"offset": OFFSET_DIGITS, "attempt": ATTEMPT_DIGITS}
    for name, digits in numbers.items():
        if name in request.GET and not is_number(request.GET[name], digits):
            detail = _("%(name)s must be a whole number.")
            return problem(request, HTTPStatus.BAD_REQUEST, detail % {"name": name})
    attempt, offset = (request.GET.get(name) for name in ("attempt", "offset"))
    log = attempt_log(task, None if attempt is None else int(attempt))
    if log is None:
        return problem(request, HTTPStatus.NOT_FOUND, _("The task has no attempt of that number."))
    if log.elsewhere:
        return problem(request, HTTPStatus.NOT_FOUND, elsewhere_words(log))
    if "raw" in request.GET:
        return _download(request, task, log)
    lines = log.read(int(offset or 0), LOG_BEGINNING if offset is None else LOG_CHUNK)
    if wants_json(request):
        return _as_json(log, lines)
    # Who names an offset joins the pieces; who does not is somebody with a browser.
    return _as_text(lines, more=_more_words(request, log, lines) if offset is None else "")


def elsewhere_words(log: AttemptLog) -> str:
    """Say where a log lies that is not here."""
    return _("The log is not here: it lies on the host %(host)s.") % {"host": log.elsewhere}


def is_number(text: str, digits: int) -> bool:
    """Tell whether a text is a whole number of at most so many digits."""
    return text.isascii() and text.isdigit() and len(text) <= digits


def _more_words(request: HttpRequest, log: AttemptLog, lines: Lines) -> str:
    """Say how much more there is, and where; nothing if that is all."""
    if lines.next_offset >= lines.size:
        return ""
    address = f"{request.path}?attempt={log.attempt}"
    words = _("[… %(size)s bytes more: %(next)s – all as a file: %(raw)s …]") % {
        "size": f"{lines.size - lines.next_offset:,}",
        "next": f"{address}&offset={lines.next_offset}",
        "raw": f"{address}&raw=1",
    }
    return f"\n{words}\n"


def _as_text(lines: Lines, *, more: str) -> HttpResponse:
    headers = {NEXT_OFFSET_HEADER: str(lines.next_offset), "X-Content-Type-Options": "nosniff"}
    return HttpResponse(lines.text + more, content_type=TEXT_TYPE, headers=headers)


def _as_json(log: AttemptLog, lines: Lines) -> JsonResponse:
    answer = {
        "attempt": log.attempt,
        "text": lines.text,
        "line": lines.line[-LINE_LIMIT:],
        "next_offset": lines.next_offset,
        "size": lines.size,
        "is_end": lines.is_end,
    }
    return JsonResponse(answer, headers={"X-Content-Type-Options": "nosniff"})


def _download(request: HttpRequest, task: TaskState, log: AttemptLog) -> StreamingHttpResponse:
    """Send the bytes as they are, and never as something that a browser shows."""
    headers = {
        "Content-Type": TEXT_TYPE,
        "Content-Disposition": content_disposition_header(True, f"task-{task.pk}-{log.attempt}.log"),
        "X-Content-Type-Options": "nosniff",
    }
    pieces = log.files.raw_log()
    # Django would read a plain iterator to its end under ASGI before it sent the first byte.
    is_async = isinstance(request, ASGIRequest)
    return StreamingHttpResponse(_from_thread(pieces) if is_async else pieces, headers=headers)


async def _from_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await sync_to_async(next)(pieces, b""):
        yield piece
