"""The context of the request that launched a task: captured by the view, restored in the command process."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone, translation
from django.utils.module_loading import import_string

from brokerless.conf import settings
from brokerless.exceptions import BrokerlessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest

NEVER_CAPTURED = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True)
class Context:
    """What a task knows of the request that launched it; all empty for a task launched without one.

    owner_id: the key of whom the task was launched for, by a request or without; it outlives the user.
    """

    base_url: str = ""
    script_prefix: str = "/"
    path: str = ""
    query: str = ""
    method: str = ""
    user_id: str = ""
    owner_id: str = ""
    language: str = ""
    time_zone: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    site: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def user(self) -> AbstractBaseUser | AnonymousUser:
        """The user of the request as the database knows it now; anonymous if there was none or it is gone."""
        model = get_user_model()
        found = model.objects.filter(pk=self.user_id).first() if self.user_id else None
        return found or AnonymousUser()

    def build_absolute_uri(self, path: str | None = None) -> str:
        """Return the absolute URL of a path; without one, that of the request itself.

        Raises BrokerlessError when neither the request nor BROKERLESS["BASE_URL"] says where the site is.
        """
        base = settings.BASE_URL or self.base_url
        if not base:
            raise BrokerlessError(
                "No link can be made: there was no request, and BROKERLESS['BASE_URL'] is not set. "
                "Set it to the site's address, such as https://books.example.org."
            )
        if path is None:
            path = self.path + (f"?{self.query}" if self.query else "")
        return urljoin(base, path)


def capture(request: HttpRequest | None) -> dict[str, Any]:
    """Return the request's context as JSON. Without a request: the language and time zone that are active."""
    context = {
        "language": translation.get_language() or "",
        "time_zone": timezone.get_current_timezone_name(),
        "script_prefix": get_script_prefix(),
    }
    if request is None:
        # By hand and from cron nothing has said yet under which prefix the site is.
        prefix = get_script_prefix() if get_script_prefix() != "/" else without_request().script_prefix
        return context | {"script_prefix": prefix}
    user = getattr(request, "user", None)
    return context | {
        "base_url": f"{request.scheme}://{request.get_host()}",
        "path": request.path.replace("\0", ""),  # which PostgreSQL refuses, in a URL `%00`
        "query": request.META.get("QUERY_STRING", ""),
        "method": request.method,
        "user_id": str(user.pk) if user is not None and user.is_authenticated else "",
        "headers": _allowed_headers(request),
        "site": {name: import_string(pair[0])(request) for name, pair in settings.CONTEXT.items()},
    }


def _allowed_headers(request: HttpRequest) -> dict[str, str]:
    wanted = [n for n in settings.CONTEXT_HEADERS if n.lower().replace("_", "-") not in NEVER_CAPTURED]
    return {name: request.headers[name] for name in wanted if name in request.headers}


@contextmanager
def restored(context: Context) -> Iterator[None]:
    """Activate the language, time zone, URL prefix and the site's own context, and undo it at the end."""
    with ExitStack() as stack:
        if context.language:
            stack.enter_context(translation.override(context.language))
        if context.time_zone:
            stack.enter_context(timezone.override(_time_zone(context.time_zone)))
        stack.callback(set_script_prefix, get_script_prefix())
        set_script_prefix(context.script_prefix)
        for name, (_, restore) in settings.CONTEXT.items():
            if name in context.site:
                stack.enter_context(import_string(restore)(context.site[name]))
        yield


def _time_zone(name: str) -> tzinfo:
    """Return the time zone of a name, or of an offset (`+0530`) as Django names those without one."""
    if name[:1] in {"+", "-"}:
        return datetime.strptime(name, "%z").tzinfo
    return ZoneInfo(name)


def without_request() -> Context:
    """Return the context of a command that no request launched: only BROKERLESS["BASE_URL"] is known.

    The site's prefix is taken from it, so that `reverse()` gives the paths that the site's pages have.
    """
    path = urlsplit(settings.BASE_URL).path
    return Context(script_prefix=path if path.endswith("/") else f"{path}/")


def as_context(stored: dict[str, Any]) -> Context:
    """Return the context of a row; what an older or newer release stored beside it is left out."""
    known = asdict(Context())
    return Context(**{name: value for name, value in stored.items() if name in known})
