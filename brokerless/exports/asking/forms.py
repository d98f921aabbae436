"""What a person or a program asks for: filters, what the file is to be, and whom to mail it to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django_filters import BooleanFilter

from brokerless.exports.asking.file_options import CLEANERS, FileOptions, clean_file_options
from brokerless.exports.exceptions import ExportError, InvalidFilters
from brokerless.exports.mailing.recipients import check_address, check_recipients, own_address, unique

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import QuerySet
    from django.http import HttpRequest, QueryDict

    from brokerless.exports.exporter import Exporter

MAIL_FIELD = "email_me"
ADDRESSES_FIELD = "email"
MAIL_FIELDS = (MAIL_FIELD, ADDRESSES_FIELD)
FIELDS = (*CLEANERS, *MAIL_FIELDS)
NO_FILTERS = frozenset({"csrfmiddlewaretoken"})
NO_ANSWER = "unknown"  # what Django's select of yes and no sends for neither
TICKED = frozenset({"on", "true", "1"})
BETWEEN_ADDRESSES = re.compile(r"[\s,;]+")
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
    """The filters that were given, what the file is to be, the addresses to mail it to, and who asks."""

    exporter: Exporter
    filters: dict[str, str | list[str]]
    file: FileOptions
    email: list[str]
    user: AbstractBaseUser | AnonymousUser

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the exporter's command."""
        mail = {ADDRESSES_FIELD: self.email} if self.email else {}
        return self.filters | self.file.as_json(self.exporter) | mail

    def rows(self) -> QuerySet:
        """Return the rows. Raises InvalidFilters."""
        return self.exporter.filtered(self.filters, user=self.user)


def read(request: HttpRequest, exporter: Exporter) -> Asked:
    """Read a form or a JSON object: filters by name, options of the file, `email_me`, and `email`.

    Raises MalformedBody, or InvalidFilters for wrong values.
    """
    if request.content_type == JSON_TYPE:
        given = _from_json(request)
    elif request.content_type in FORM_TYPES:
        given = from_form(request.POST, exporter)
    else:
        raise UnsupportedBody(_("Send a form, or JSON as %(type)s.") % {"type": JSON_TYPE})
    return clean(request, exporter, given)


def clean(request: HttpRequest, exporter: Exporter, given: Mapping[str, Any]) -> Asked:
    """Return what is asked for. Raises InvalidFilters with everything that is wrong."""
    errors: dict[str, list[str]] = {}
    cleaned: list[Any] = []
    for part in (
        lambda: exporter.clean(
            {name: value for name, value in given.items() if name not in FIELDS}, user=request.user
        ),
        lambda: clean_file_options(exporter, given),
        lambda: _recipients(request, given),
    ):
        try:
            cleaned.append(part())
        except InvalidFilters as error:
            errors |= error.errors
    if given.get("columns") == []:
        errors["columns"] = [_("Choose at least one column.")]
    if errors:
        raise InvalidFilters(errors)
    return Asked(exporter, *cleaned, user=request.user)


def from_form(data: QueryDict, exporter: Exporter) -> dict[str, Any]:
    """Take what is given out of a form or a query string; a field that is left empty is none.

    A field that nobody knows is kept even then, to be refused: JSON that is sent as a form is one.
    """
    given = _filters_from_form(data, exporter)
    # The last one: before each box that is ticked by default stands a hidden "false", which is all there is else.
    given |= {name: data[name] for name in CLEANERS if name in data and name != "columns"}
    if "columns" in data:
        given["columns"] = [name for name in ",".join(data.getlist("columns")).split(",") if name]
    if ADDRESSES_FIELD in data:
        given[ADDRESSES_FIELD] = [text for text in BETWEEN_ADDRESSES.split(data[ADDRESSES_FIELD]) if text]
    if MAIL_FIELD in data:
        given[MAIL_FIELD] = wants_mail(data)
    return given


def wants_mail(data: QueryDict) -> bool:
    """Tell whether a form's box for the mail is ticked."""
    return data.get(MAIL_FIELD, "").lower() in TICKED


def _filters_from_form(data: QueryDict, exporter: Exporter) -> dict[str, Any]:
    declared = exporter.get_filters()
    given = {}
    for name, values in data.lists():
        if name in NO_FILTERS or name in FIELDS:
            continue
        nothing = {"", NO_ANSWER} if isinstance(declared.get(name), BooleanFilter) else {""}
        chosen = [value for value in values if value not in nothing]
        if chosen or name not in declared:
            given[name] = chosen or values
    return given


def _from_json(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(_("The body is no JSON: %(reason)s") % {"reason": error}) from error
    if not isinstance(body, dict):
        raise MalformedBody(_("The body must be a JSON object of filters by name."))
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} (RFC 8259 has no such number)")


def _recipients(request: HttpRequest, given: Mapping[str, Any]) -> list[str]:
    """Return whom the file is mailed to, each once. Raises InvalidFilters beside the field."""
    is_mailed, others = given.get(MAIL_FIELD, False), given.get(ADDRESSES_FIELD) or []
    if not isinstance(is_mailed, bool):
        raise InvalidFilters({MAIL_FIELD: [_("Must be true or false.")]})
    addresses = [_own_address(request)] if is_mailed else []
    addresses += [_other_address(text) for text in ([others] if isinstance(others, str) else _listed(others))]
    addresses = unique(addresses)
    if addresses:
        try:
            check_recipients(request.user, addresses)
        except ExportError as error:
            field = ADDRESSES_FIELD if others else MAIL_FIELD
            raise InvalidFilters({field: [str(error)]}) from error
    return addresses


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidFilters({ADDRESSES_FIELD: [_("Must be a list of e-mail addresses.")]})
    return value


def _own_address(request: HttpRequest) -> str:
    address = own_address(request.user)
    if not address:
        raise InvalidFilters({MAIL_FIELD: [_("Your account has no e-mail address.")]})
    try:
        return check_address(address)
    except ValueError:
        text = _("The e-mail address of your account, %(address)s, is none.") % {"address": address}
        raise InvalidFilters({MAIL_FIELD: [text]}) from None


def _other_address(text: Any) -> str:
    try:
        return check_address(text if isinstance(text, str) else repr(text))
    except ValueError:
        wrong = _("“%(address)s” is no e-mail address.") % {"address": text}
        raise InvalidFilters({ADDRESSES_FIELD: [wrong]}) from None
