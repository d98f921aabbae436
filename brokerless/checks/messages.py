"""What the checks of both apps share."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.core import checks
from django.urls import NoReverseMatch, reverse

from brokerless.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brokerless.conf import Settings

TAG = "brokerless"


def needs_right_settings(check: Callable[..., list[checks.CheckMessage]]) -> Callable[..., list]:
    """Have a check say nothing while an entry of BROKERLESS has a wrong type: E001 says that."""

    @wraps(check)
    def checked(**keywords: Any) -> list[checks.CheckMessage]:
        return [] if settings.problems() else check(**keywords)

    return checked


def settings_messages(table: Settings, check_id: str) -> list[checks.CheckMessage]:
    """Return an error for every wrong entry of a settings dict."""
    hint = f"Correct {table.dict_name} in the settings."
    return [checks.Error(problem, hint=hint, id=check_id) for problem in table.problems()]


def url_messages(
    view: str, remedy: str, check_id: str, *, arguments: Sequence[str] = ()
) -> list[checks.CheckMessage]:
    """Return a warning when a view of ours has no address on the site."""
    if getattr(django_settings, "ROOT_URLCONF", None) is None:
        return []
    try:
        reverse(view, args=arguments)
    except NoReverseMatch:
        hint = f"Add {remedy} to the site's URLs, or silence this where the pages are not wanted."
        return [checks.Warning(f"The site has no address for {view}.", hint=hint, id=check_id)]
    return []
