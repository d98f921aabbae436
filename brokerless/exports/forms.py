"""What a person or a program asks for: filters, and whether to be mailed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.forms import CheckboxInput
from django.utils.translation import gettext as _
from django_filters import BooleanFilter

from brokerless.exports.exceptions import ExportError, InvalidFilters
from brokerless.exports.mail import check_address

if TYPE_CHECKING:
    from django.http import HttpRequest, QueryDict

    from brokerless.exports.exporter import Exporter

MAIL_FIELD = "email_me"
NO_FILTERS = frozenset({MAIL_FIELD, "csrfmiddlewaretoken"})
NO_ANSWER = "unknown"  # what Django's select of yes and no sends for neither
JSON_TYPE = "application/json"
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", ""})


class MalformedBody(ExportError):  # noqa: N818 - reads as what it says
    """The body is no JSON object, or neither a form nor JSON."""

    status = HTTPStatus.BAD_REQUEST


class UnsupportedBody(MalformedBody):
    """The body is of a type that cannot be read, and would be taken for a wish without filters."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


@dataclass(frozen=True)
class Asked:
    """The filters that were given, and the addresses to mail the file to."""

    filters: dict[str, str | list[str]]
    email: list[str]

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the exporter's command."""
        return self.filters | ({"email": self.email} if self.email else {})


def read(request: HttpRequest, exporter: Exporter) -> Asked:
    """Read a form or a JSON object (filters by name, and `email_me`).

    Raises MalformedBody, or InvalidFilters for wrong values.
    """
    if request.content_type == JSON_TYPE:
        given, is_mailed = _from_json(request)
    elif request.content_type in FORM_TYPES:
        given, is_mailed = _from_form(request, exporter)
    else:
        raise UnsupportedBody(_("Send a form, or JSON as %(type)s.") % {"type": JSON_TYPE})
    return Asked(exporter.clean(given), [_own_address(request)] if is_mailed else [])


def wants_mail(data: QueryDict) -> bool:
    """Tell whether a form's box for the mail is ticked."""
    return CheckboxInput().value_from_datadict(data, {}, MAIL_FIELD)


def _own_address(request: HttpRequest) -> str:
    address = getattr(request.user, "email", "")
    if not address:
        raise InvalidFilters({MAIL_FIELD: [_("Your account has no e-mail address.")]})
    try:
        return check_address(address)
    except ValueError:
        text = _("The e-mail address of your account, %(address)s, is none.") % {"address": address}
        raise InvalidFilters({MAIL_FIELD: [text]}) from None


def _from_json(request: HttpRequest) -> tuple[dict[str, Any], bool]:
    try:
        body = json.loads(request.body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(_("The body is no JSON: %(reason)s") % {"reason": error}) from error
    if not isinstance(body, dict):
        raise MalformedBody(_("The body must be a JSON object of filters by name."))
    is_mailed = body.pop(MAIL_FIELD, False)
    if not isinstance(is_mailed, bool):
        raise InvalidFilters({MAIL_FIELD: [_("Must be true or false.")]})
    return body, is_mailed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} (RFC 8259 has no such number)")


def _from_form(request: HttpRequest, exporter: Exporter) -> tuple[dict[str, Any], bool]:
    """Take the filters out of a form; a field that is left empty is none.

    A field that nobody knows is kept even then, to be refused: JSON that is sent as a form is one.
    """
    declared = exporter.get_filters()
    given = {}
    for name, values in request.POST.lists():
        nothing = {"", NO_ANSWER} if isinstance(declared.get(name), BooleanFilter) else {""}
        chosen = [value for value in values if value not in nothing]
        if name not in NO_FILTERS and (chosen or name not in declared):
            given[name] = chosen or values
    return given, wants_mail(request.POST)
