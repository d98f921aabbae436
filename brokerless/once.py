"""A page's button that does its thing once, however often it is pressed.

The page carries a token, `<input type="hidden" name="once" value="{{ once }}">` with `{"once": token(), …}`, and
what the button sends is done if `take(request)` says so. The tokens that were taken are in the session, the latest
of them. Of two requests at the same moment both may be told so: what they record has `unique_key(request)`, or one
that is made of it, by which the second joins the first.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from django.contrib.sessions.backends.base import UpdateError

if TYPE_CHECKING:
    from django.http import HttpRequest

FIELD = "once"
SESSION_KEY = "brokerless_once"
MOST_REMEMBERED = 50
TOKEN = re.compile(r"[0-9a-f]{32}")


def token() -> str:
    """Return a new token for a page."""
    return secrets.token_hex(16)


def take(request: HttpRequest) -> bool:
    """Tell whether what was sent is to be done: the token has not been taken before, and is from now on.

    So is what is sent without one, as a program may do.
    """
    found = _sent(request)
    session = getattr(request, "session", None)  # a site may know its users without
    if not found or session is None:
        return True
    taken = session.get(SESSION_KEY, [])
    if found in taken:
        return False
    session[SESSION_KEY] = [*taken, found][-MOST_REMEMBERED:]
    try:
        # At once: what is to be done may take longer than it takes to press the button again.
        session.save()
    except UpdateError:  # the user has logged out meanwhile
        return False
    return True


def unique_key(request: HttpRequest) -> str | None:
    """Return what `launch()` is given, so that the same token launches nothing twice; None without one."""
    found = _sent(request)
    return f"{FIELD} {found}" if found else None


def _sent(request: HttpRequest) -> str:
    found = request.POST.get(FIELD, "")
    return found if TOKEN.fullmatch(found) else ""
