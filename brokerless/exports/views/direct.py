"""Fetch a small selection at once."""

from __future__ import annotations

import io
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from brokerless.exports.asking import forms
from brokerless.exports.asking.direct import TooLarge, write_directly
from brokerless.exports.asking.file_options import SWITCHES
from brokerless.exports.exceptions import ExportError, InvalidFilters, PermissionRefused, UnsuitableValue
from brokerless.exports.files.storing import file_name
from brokerless.exports.files.streaming import AsyncPieces, Pieces
from brokerless.exports.views.asking import permitted_exporter, refused
from brokerless.responses import for_users, problem, see_other, wants_json

if TYPE_CHECKING:
    from typing import BinaryIO

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from brokerless.exports.asking.forms import Asked
    from brokerless.exports.exporter import Exporter


logger = logging.getLogger(__name__)


@require_safe
@for_users
def download(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send the rows that the query selects, if they are few; else lead to the form, filled in.

    HEAD looks at what is asked for, and at no row: it neither makes the file nor knows its size (RFC 9110, 9.3.2).
    """
    try:
        exporter = permitted_exporter(request, name)
        asked = forms.clean(request, exporter, _given(request, exporter))
        file, size = write_directly(asked) if request.method == "GET" else (io.BytesIO(), None)
    except PermissionRefused as error:
        return problem(request, HTTPStatus.FORBIDDEN, str(error))
    except InvalidFilters as error:
        return refused(request, exporter, error)
    except TooLarge as error:
        return _too_large(request, exporter, error)
    except UnsuitableValue as error:  # another format, other columns, or fewer rows can be asked for
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except ExportError as error:
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, _said_to_users(error, exporter))
    return _response(request, asked, file, size)


def _given(request: HttpRequest, exporter: Exporter) -> dict[str, Any]:
    """Return what the query says. Raises InvalidFilters for what a link must not decide."""
    given = forms.from_form(request.GET, exporter)
    text = _("What is sent at once is not mailed; leave this out, or POST the same for a task.")
    errors = {name: [text] for name in forms.MAIL_FIELDS if name in given}
    if SWITCHES.get(given.get("guard")) is False:
        url = reverse("brokerless_exports:export", args=[exporter.name])
        text = _(
            "What is fetched by a link is guarded against formulas. "
            "For a file without the guard, untick it in the form, or POST the same to %(url)s."
        )
        errors["guard"] = [text % {"url": url}]
    if errors:
        raise InvalidFilters(errors)
    return given


def _said_to_users(error: ExportError, exporter: Exporter) -> str:
    """Return an error in words for users. What others said, the database above all, is for the log."""
    if error.__cause__ is None:
        return str(error)
    logger.error("The file of %s could not be made.", exporter.name, exc_info=error)
    return _("The file could not be made. Those who run the site find the reason in its log.")


def _too_large(request: HttpRequest, exporter: Exporter, error: TooLarge) -> HttpResponse:
    url = reverse("brokerless_exports:export", args=[exporter.name])
    if wants_json(request):
        text = _("%(reason)s Narrow the rows down, or POST the same to %(url)s for a task.")
        return problem(request, HTTPStatus.CONFLICT, text % {"reason": error, "url": url})
    text = _("%(reason)s That is too much to be sent at once; export it here.")
    messages.info(request, text % {"reason": error}, fail_silently=True)
    query = request.GET.urlencode()
    return see_other(f"{url}?{query}" if query else url)


def _response(request: HttpRequest, asked: Asked, file: BinaryIO, size: int | None) -> HttpResponseBase:
    """Return the response that sends the file; of no size one that has none to send, and says of none."""
    layout = asked.file.layout
    headers = {
        "Content-Type": layout.content_type,
        "Content-Disposition": content_disposition_header(True, file_name(asked.exporter, layout)),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if size is not None:
        headers["Content-Length"] = str(size)
    # For HEAD too: of what is no stream, Django's middleware would say that its length is 0.
    kind = AsyncPieces if isinstance(request, ASGIRequest) else Pieces
    return StreamingHttpResponse(kind(file, size or 0), headers=headers)
