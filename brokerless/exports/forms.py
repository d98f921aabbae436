"""What a person or a program asks for: filters, and whether to be mailed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from brokerless.exports.exceptions import ExportError, InvalidFilters

if TYPE_CHECKING:
    from django.http import HttpRequest

    from brokerless.exports.exporter import Exporter

MAIL_FIELD = "email_me"


class MalformedBody(ExportError):  # noqa: N818 - reads as what it says
    """The body is no JSON object."""


@dataclass(frozen=True)
class Asked:
    """The filters that were given, and the addresses to mail the file to."""

    filters: dict[str, Any]
    email: list[str]

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the exporter's command."""
        return self.filters | ({"email": self.email} if self.email else {})


def read(request: HttpRequest, exporter: Exporter) -> Asked:
    """Read a form or a JSON object (filters by name, and `email_me`).

    Raises MalformedBody, or InvalidFilters for wrong values.
    """
    is_json = request.content_type == "application/json"
    filters, wants_mail = _from_json(request) if is_json else _from_form(request, exporter)
    exporter.filtered(filters)
    if wants_mail and not getattr(request.user, "email", ""):
        raise InvalidFilters({MAIL_FIELD: [_("Your account has no e-mail address.")]})
    return Asked(filters, [request.user.email] if wants_mail else [])


def _from_json(request: HttpRequest) -> tuple[dict[str, Any], bool]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise MalformedBody(_("The body is no JSON: %(reason)s") % {"reason": error}) from error
    if not isinstance(body, dict):
        raise MalformedBody(_("The body must be a JSON object of filters by name."))
    wants_mail = body.pop(MAIL_FIELD, False)
    if not isinstance(wants_mail, bool):
        raise InvalidFilters({MAIL_FIELD: [_("Must be true or false.")]})
    return {name: value for name, value in body.items() if value not in (None, "", [])}, wants_mail


def _from_form(request: HttpRequest, exporter: Exporter) -> tuple[dict[str, Any], bool]:
    """Take the declared filters out of a form; a field that is left empty is none."""
    given = {
        name: values if len(values) > 1 else values[0]
        for name in exporter.get_filters()
        if (values := [value for value in request.POST.getlist(name) if value])
    }
    return given, MAIL_FIELD in request.POST
