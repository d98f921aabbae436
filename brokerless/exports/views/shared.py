"""The page behind a mailed link, and the file that its button sends."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib.auth.views import redirect_to_login
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from brokerless.exports.exceptions import PermissionRefused, UnknownExporter
from brokerless.exports.files import links
from brokerless.exports.files.sharing import LoginNeeded, check_access
from brokerless.exports.views.files import send, title
from brokerless.responses import problem, wants_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

# Not `no-referrer`, with which browsers send `Origin: null` with the form, and Django refuses that (CSRF): other
# sites learn nothing of the address by this one either.
HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept, Cookie",
    "X-Robots-Tag": "noindex, nofollow",
}


def _unseen(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep a view's answers out of caches and search engines, and its address to this site."""

    @wraps(view)
    def hidden(request: HttpRequest, token: str) -> HttpResponse:
        response = view(request, token)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response

    return hidden


@require_http_methods(["GET", "HEAD", "POST"])
@_unseen
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a mailed link leads to (GET), and send it (POST): programs that look through mails only GET."""
    try:
        delivery = links.read(token)
        check_access(delivery, request.user)
    except links.LinkError as error:
        return problem(request, error.status, str(error))
    except LoginNeeded as error:
        if wants_json(request):
            return problem(request, HTTPStatus.UNAUTHORIZED, str(error))
        return redirect_to_login(request.get_full_path())
    except UnknownExporter:
        return problem(request, HTTPStatus.GONE, _("The file is no longer offered here."))
    except PermissionRefused as error:
        return problem(request, HTTPStatus.FORBIDDEN, str(error))
    if request.method == "POST":
        return send(request, delivery.file)
    context = {"file": delivery.file, "delivery": delivery, "title": title(delivery.file)}
    return render(request, "brokerless_exports/shared.html", context)
