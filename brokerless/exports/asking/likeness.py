"""The request of a user who looks at a list, for filters and admins, when a task has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, QueryDict

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


def request_of(user: AbstractBaseUser | AnonymousUser, *, path: str = "/", query: str = "") -> HttpRequest:
    """Return a request with `user`, `method`, `path` and `GET`, and with nothing else."""
    request = HttpRequest()
    request.method = "GET"
    request.user = user
    request.GET = QueryDict(query)
    request.META["QUERY_STRING"] = query
    request.path = request.path_info = path
    return request
