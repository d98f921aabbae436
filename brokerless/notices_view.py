"""What tells a user of tasks on whatever page they are: the badge, and what is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from brokerless.notices import look, take
from brokerless.notices_feed import as_json, feed
from brokerless.responses import for_users, see_other, unless_unchanged, wants_json, way_back

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_http_methods(["GET", "HEAD", "POST"])
@for_users
def notices(request: HttpRequest) -> HttpResponse:
    """Say what the user has running and whether there is news (GET), or hand the news out, once (POST)."""
    if request.method == "POST":
        return _taken(request)
    if not wants_json(request):  # where a login leads to, after a form that was sent without one
        return redirect("brokerless:tasks")
    return unless_unchanged(request, feed(look(request.user)))


def _taken(request: HttpRequest) -> HttpResponse:
    """Hand out what no page has shown yet; a form names what its page has shown, and goes back to it."""
    if wants_json(request):
        return JsonResponse({"notices": [as_json(each, request.user) for each in take(request.user)]})
    take(request.user, ids=request.POST.getlist("id"))
    return see_other(way_back(request))
