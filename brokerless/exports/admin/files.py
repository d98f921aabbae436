"""The list of export files, and the page of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from brokerless.admin.read_only import ReadOnlyAdmin, as_json, short_moment
from brokerless.exports.admin.actions import FileActions
from brokerless.exports.admin.filters import STATES, ExporterFilter, FormatFilter, StateFilter, state_of
from brokerless.exports.models import VIEW_FILES, Delivery
from brokerless.exports.views.files import title

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from brokerless.exports.models import ExportFile, ExportFileQuerySet


class DeliveryInline(admin.TabularInline):
    """The mails with a file, to be read by whoever may see the file."""

    model = Delivery
    fields = readonly_fields = [
        "recipient",
        "status",
        "sent_at",
        "is_link",
        "link_expires_at",
        "revoked_at",
        "detail",
    ]
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: ExportFile | None = None) -> bool:
        return request.user.has_perm(VIEW_FILES)

    def has_add_permission(self, request: HttpRequest, obj: ExportFile | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ExportFile | None = None) -> bool:
        return False

    @admin.display(description=_("link revoked at"))
    def revoked_at(self, delivery: Delivery) -> Any:
        return delivery.links_revoked_at or "-"


class ExportFileAdmin(FileActions, ReadOnlyAdmin):
    list_display = ["shown_title", "state", "owner", "format", "rows", "size", "created", "expires"]
    list_filter = [StateFilter, FormatFilter, ExporterFilter, "created_at"]
    list_select_related = ["owner"]
    sortable_by = ["created", "expires"]
    search_help_text = _("Title, file name, owner or id")
    inlines = [DeliveryInline]
    fieldsets = [
        (None, {"fields": ["id", "whole_title", "name", "state", "owner", "task"]}),
        (_("Holds"), {"fields": ["exporter", "given_filters", "columns", "format", "rows", "size", "sha256"]}),
        (
            _("Times"),
            {"fields": ["created_at", "ready_at", "expires_at", "removed_at", "links_revoked_at"]},
        ),
    ]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["title", "name", f"owner__{get_user_model().USERNAME_FIELD}"]

    def get_search_results(
        self, request: HttpRequest, queryset: ExportFileQuerySet, search_term: str
    ) -> tuple[ExportFileQuerySet, bool]:
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    def has_delete_permission(self, request: HttpRequest, obj: ExportFile | None = None) -> bool:
        """Refuse it: without its record nobody would find the file in the storage. The purge removes both."""
        return False

    def view_on_site(self, obj: ExportFile) -> str | None:
        """Lead to the file's own page, where the site has it."""
        try:
            return reverse("brokerless_exports:about_file", args=[obj.pk])
        except NoReverseMatch:
            return None

    @admin.display(description=_("title"))
    def shown_title(self, record: ExportFile) -> str:
        return record.title or record.name

    @admin.display(description=_("title"))
    def whole_title(self, record: ExportFile) -> str:
        return title(record)

    @admin.display(description=_("created at"), ordering="created_at")
    def created(self, record: ExportFile) -> str:
        return short_moment(record.created_at)

    @admin.display(description=_("expires at"), ordering="expires_at")
    def expires(self, record: ExportFile) -> str:
        return short_moment(record.expires_at)

    @admin.display(description=_("size"))
    def size(self, record: ExportFile) -> str:
        return "" if record.bytes is None else filesizeformat(record.bytes)

    @admin.display(description=_("state"))
    def state(self, record: ExportFile) -> str:
        words = STATES[state_of(record)]
        is_revoked = record.are_links_revoked
        return _("%(state)s, links revoked") % {"state": words} if is_revoked else words

    @admin.display(description=_("filters"))
    def given_filters(self, record: ExportFile) -> SafeString | str:
        return as_json(record.filters)
