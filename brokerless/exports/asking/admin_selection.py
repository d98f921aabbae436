"""What was selected in Django's admin: described as JSON for the task, and found again when the task runs.

The admin's own changelist finds it, with the owner of the task as the user: what the admin would not list for
them is not exported either. Keys are kept of rows that were picked by hand only, at most a page of them.
"""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.sites import all_sites
from django.contrib.admin.views.main import ALL_VAR, IS_FACETS_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.contrib.messages.api import MessageFailure
from django.core.exceptions import FieldError, SuspiciousOperation, ValidationError
from django.db import DatabaseError
from django.db.models import BooleanField
from django.http import QueryDict
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_filters.utils import get_model_field

from brokerless.exports.asking.filter_words import CONTAINING, title_of
from brokerless.exports.asking.likeness import request_of
from brokerless.exports.exceptions import ExportError, InvalidSelection, PermissionRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.admin import ModelAdmin
    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

logger = logging.getLogger("brokerless")

# What a changelist raises for a query string that it cannot make sense of, or does not allow.
REFUSALS = (
    IncorrectLookupParameters,
    SuspiciousOperation,
    MessageFailure,
    FieldError,
    ValidationError,
    ValueError,
)


# Of a query string what says in which order and where the list is shown, not which rows it has.
OF_THE_PAGE = frozenset({ORDER_VAR, PAGE_VAR, ALL_VAR, IS_FACETS_VAR})
YES_OR_NO = {"1": True, "True": True, "true": True, "0": False, "False": False, "false": False}


def picked(model_admin: ModelAdmin, keys: list[str]) -> dict[str, Any]:
    """Describe rows that were picked by hand."""
    return {"site": model_admin.admin_site.name, "keys": keys}


def listed(model_admin: ModelAdmin, query: str) -> dict[str, Any]:
    """Describe all rows of the list that a changelist's query string gives."""
    return {"site": model_admin.admin_site.name, "query": query}


def describe(title: str, selection: Mapping[str, Any], model: type[Model]) -> str:
    """Return in one line what is exported: of what, and how much of it."""
    if "keys" in selection:
        number = len(selection["keys"])
        return title_of(
            title, [ngettext("%(number)s selected", "%(number)s selected", number) % {"number": number}]
        )
    shown = QueryDict(selection.get("query", "")).items()
    parts = [_said(name, value, model) for name, value in shown if value and name not in OF_THE_PAGE]
    return title_of(title, parts or [_("the whole list")])


def _said(name: str, value: str, model: type[Model]) -> str:
    """Return one part of a changelist's query string in words, as far as the model knows any."""
    if name == SEARCH_VAR:
        return (_(CONTAINING) % {"subject": "", "value": value}).strip()
    field = get_model_field(model, name.removesuffix("__exact"))
    if isinstance(field, BooleanField) and value in YES_OR_NO:
        subject = str(field.verbose_name)
        return subject if YES_OR_NO[value] else _("not %(subject)s") % {"subject": subject}
    return _("%(label)s: %(value)s") % {"label": field.verbose_name if field else name, "value": value}


def selected(selection: Mapping[str, Any], model: type[Model], owner: AbstractBaseUser | None) -> QuerySet:
    """Return the keys of the rows that were selected.

    Raises InvalidSelection where the admin does not make sense of it, and PermissionRefused where it is closed
    to the owner.
    """
    model_admin = _model_admin(selection, model)
    if owner is None:
        raise PermissionRefused(_("What was selected in the admin is exported for the one who selected it."))
    try:
        request = _request(model_admin, selection, owner)
        _check_permission(model_admin, request)
        return _rows(model_admin, selection, request)
    except (ExportError, DatabaseError):
        raise
    except REFUSALS as error:
        raise InvalidSelection(_not_found(str(error) or type(error).__name__)) from error
    except Exception as error:  # whatever the site's own code raises, such as for want of a session
        logger.exception("%s cannot be listed for a task", model._meta.label)  # noqa: SLF001
        text = _(
            "The admin can list its %(what)s on its page, but not for an export: %(error)s. "
            "Whoever looks after the site finds more in the log."
        )
        values = {"what": model._meta.verbose_name_plural, "error": f"{type(error).__name__}: {error}"}  # noqa: SLF001
        raise InvalidSelection(text % values) from error


def _not_found(reason: str) -> str:
    text = _("What was selected in the admin cannot be found again: %(reason)s. Select it anew.")
    return text % {"reason": reason}


def _check_permission(model_admin: ModelAdmin, request: HttpRequest) -> None:
    if not (model_admin.admin_site.has_permission(request) and model_admin.has_view_or_change_permission(request)):
        text = _("%(user)s may not see %(what)s in the admin.")
        what = model_admin.model._meta.verbose_name_plural  # noqa: SLF001
        raise PermissionRefused(text % {"user": request.user, "what": what})


def _model_admin(selection: Mapping[str, Any], model: type[Model]) -> ModelAdmin:
    """Return the admin in which it was selected; it must be one of the exporter's model."""
    if isinstance(selection, dict) and ("keys" in selection) != ("query" in selection):
        for site in all_sites:
            if site.name == selection.get("site") and site.is_registered(model):
                return site.get_model_admin(model)
    raise InvalidSelection(
        _("There is no list of %(what)s in the admin of which this could be a selection: %(selection)s")
        % {"what": model._meta.verbose_name_plural, "selection": selection}  # noqa: SLF001
    )


def _request(model_admin: ModelAdmin, selection: Mapping[str, Any], owner: AbstractBaseUser) -> HttpRequest:
    """Return the request of somebody who looks at the list."""
    query = selection.get("query", "")
    if not isinstance(query, str):
        raise InvalidSelection(_("The query string must be text, not %(query)s.") % {"query": query})
    return request_of(owner, path=_path(model_admin), query=query)


def _path(model_admin: ModelAdmin) -> str:
    meta = model_admin.model._meta  # noqa: SLF001
    try:
        return reverse(f"{model_admin.admin_site.name}:{meta.app_label}_{meta.model_name}_changelist")
    except NoReverseMatch:
        return "/"


def _rows(model_admin: ModelAdmin, selection: Mapping[str, Any], request: HttpRequest) -> QuerySet:
    if "keys" not in selection:
        _check_search(model_admin, request)
        return _changelist(model_admin, request).queryset.order_by().values("pk")
    keys = selection["keys"]
    if not isinstance(keys, list) or not all(isinstance(key, str | int) for key in keys):
        raise InvalidSelection(_("The keys must be a list of texts and numbers, not %(keys)s.") % {"keys": keys})
    return model_admin.get_queryset(request).filter(pk__in=keys).order_by().values("pk")


def _check_search(model_admin: ModelAdmin, request: HttpRequest) -> None:
    """Raise InvalidSelection for a search where there is none any more: the whole list would be taken for it."""
    if request.GET.get(SEARCH_VAR, "").strip() and not model_admin.get_search_fields(request):
        raise InvalidSelection(_not_found(_("the list can be searched no more")))


def _changelist(model_admin: ModelAdmin, request: HttpRequest) -> Any:
    """Return the changelist as the admin would show it, without its page and its counts."""

    def get_changelist(request: HttpRequest, **keywords: Any) -> type:
        usual = model_admin.get_changelist(request, **keywords)
        return type("Selected", (usual,), {"get_results": lambda self, request: None})

    quiet = copy.copy(model_admin)  # the admin's own is shared by all threads
    quiet.get_changelist = get_changelist
    return quiet.get_changelist_instance(request)
