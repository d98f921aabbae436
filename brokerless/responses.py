"""One URL, two readers: pages for people, JSON for programs, and errors in both."""

from __future__ import annotations

import hashlib
import json
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import quote_etag, url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from brokerless.representation import list_title

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from brokerless.exceptions import TooManyTasks

# For `makemessages` to find: what `HTTPStatus.phrase` says of the errors here, in one Python or another.
PHRASES = (
    gettext_noop("Bad Request"),
    gettext_noop("Unauthorized"),
    gettext_noop("Forbidden"),
    gettext_noop("Not Found"),
    gettext_noop("Conflict"),
    gettext_noop("Gone"),
    gettext_noop("Request Entity Too Large"),
    gettext_noop("Content Too Large"),
    gettext_noop("Unsupported Media Type"),
    gettext_noop("Requested Range Not Satisfiable"),
    gettext_noop("Range Not Satisfiable"),
    gettext_noop("Unprocessable Entity"),
    gettext_noop("Unprocessable Content"),
    gettext_noop("Too Many Requests"),
    gettext_noop("Internal Server Error"),
    gettext_noop("Service Unavailable"),
    gettext_noop("Insufficient Storage"),
)
JSON_TYPE = "application/json"
RETRY_AFTER = 30  # seconds, after which one of many tasks may well have ended
PROBLEM_TYPE = "application/problem+json"  # RFC 9457
STREAM_TYPE = "text/event-stream"  # what a browser's EventSource asks for, which follows no redirect to a page


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the client asks for JSON rather than for a page, which is the default."""
    return request.get_preferred_type(["text/html", JSON_TYPE, STREAM_TYPE]) in (JSON_TYPE, STREAM_TYPE)


def unless_unchanged(request: HttpRequest, body: dict[str, Any]) -> HttpResponse:
    """Answer with JSON, or with 304 if the client has it already."""
    content = json.dumps(body).encode()
    etag = quote_etag(hashlib.sha256(content).hexdigest()[:32])
    response = HttpResponse(content, content_type=JSON_TYPE, headers={"ETag": etag})
    return get_conditional_response(request, etag=etag, response=response)


def see_other(url: str) -> HttpResponse:
    """Answer a POST with the page to go to: 303, after which every client sends a GET (RFC 9110, 15.4.4)."""
    return HttpResponseRedirect(url, status=HTTPStatus.SEE_OTHER)


def way_back(request: HttpRequest) -> str:
    """Return where a form's answer leads: the place of this site that it names as `next`, or the list of tasks."""
    path = request.POST.get("next", "")
    is_safe = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_safe else reverse("brokerless:tasks")


def problem(
    request: HttpRequest, status: HTTPStatus, detail: str, *, errors: dict[str, list[str]] | None = None
) -> HttpResponse:
    """Answer with an error: RFC 9457 problem details in JSON, or a readable page.

    errors: for each wrong field the sentences that say what is wrong with it.
    """
    if not wants_json(request):
        context = {
            "status": status.value,
            "title": _(status.phrase),
            "detail": detail,
            "list_title": list_title(request.user),
        }
        return render(request, "brokerless/problem.html", context, status=status)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _(status.phrase),
        "status": status.value,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return JsonResponse(body, status=status, content_type=PROBLEM_TYPE)


def too_many_tasks(request: HttpRequest, error: TooManyTasks, *, is_own: bool = True) -> HttpResponse:
    """Answer a launch that the owner's limit refuses: 429 (RFC 6585, 4), and when to try again.

    is_own: the owner is the one who asks.
    """
    detail = too_many_words(error, is_own=is_own)
    response = problem(request, HTTPStatus.TOO_MANY_REQUESTS, detail)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def too_many_words(error: TooManyTasks, *, is_own: bool = True) -> str:
    """Say to whoever asked why nothing more was launched; is_own: it is their own limit."""
    return _own_limit(error.most) if is_own else _owners_limit(error.most)


def _own_limit(most: int) -> str:
    return ngettext(
        "You have %(most)s unfinished task, as many as are allowed. Wait until it has ended, or cancel it.",
        "You have %(most)s unfinished tasks, as many as are allowed. Wait until some have ended, or cancel some.",
        most,
    ) % {"most": most}


def _owners_limit(most: int) -> str:
    return ngettext(
        "The owner has %(most)s unfinished task, as many as are allowed. Wait until it has ended.",
        "The owner has %(most)s unfinished tasks, as many as are allowed. Wait until some have ended.",
        most,
    ) % {"most": most}


def for_users(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a view be reached by logged-in users only, keep its answers out of shared caches, and say 404 in JSON.

    A page sends the visitor to log in; JSON is answered with 401.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **keywords: Any) -> HttpResponse:
        response = _answer(view, request, arguments, keywords)
        patch_vary_headers(response, ["Accept", "Cookie"])
        if not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response

    return guarded


def _answer(
    view: Callable[..., HttpResponse], request: HttpRequest, arguments: Any, keywords: Any
) -> HttpResponse:
    if not request.user.is_authenticated:
        if wants_json(request):
            return problem(request, HTTPStatus.UNAUTHORIZED, _("Log in first."))
        return redirect_to_login(_page(request, keywords))
    try:
        return view(request, *arguments, **keywords)
    except Http404:
        # The same for what does not exist and for what is somebody else's.
        return problem(request, HTTPStatus.NOT_FOUND, _("There is no such thing here, or it is not yours."))


def _page(request: HttpRequest, keywords: dict[str, Any]) -> str:
    """Return where to go after the login: this page, or the one from which an action was asked for."""
    if request.method != "POST":
        return request.get_full_path()
    if "task_id" in keywords:
        return reverse("brokerless:task", kwargs={"task_id": keywords["task_id"]})
    is_page = request.path.endswith("/") and "next" not in request.POST
    return request.get_full_path() if is_page else way_back(request)
