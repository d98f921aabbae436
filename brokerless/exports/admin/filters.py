"""The filters of the list of export files. None reads the table for its choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from brokerless.exports.formats.layout import FORMATS
from brokerless.exports.registry import all_exporters

if TYPE_CHECKING:
    from django.http import HttpRequest

    from brokerless.exports.models import ExportFile, ExportFileQuerySet

READY, MAKING, EXPIRED, REMOVED, REVOKED = "ready", "making", "expired", "removed", "revoked"
STATES = {
    READY: _("Ready"),
    MAKING: _("Not complete"),
    EXPIRED: _("Expired"),
    REMOVED: _("Removed"),
}


def state_of(record: ExportFile) -> str:
    """Return one of STATES."""
    if record.removed_at is not None:
        return REMOVED
    if not record.is_ready:
        return MAKING
    return EXPIRED if record.is_expired else READY


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [*STATES.items(), (REVOKED, _("Links revoked"))]

    def queryset(self, request: HttpRequest, queryset: ExportFileQuerySet) -> ExportFileQuerySet:
        chosen = {
            READY: queryset.fetchable,
            MAKING: lambda: queryset.filter(ready_at=None, removed_at=None),
            EXPIRED: lambda: queryset.stored().filter(expires_at__lte=timezone.now()),
            REMOVED: lambda: queryset.filter(removed_at__isnull=False),
            REVOKED: lambda: queryset.filter(links_revoked_at__isnull=False),
        }
        return chosen.get(self.value(), queryset.all)()


class FormatFilter(admin.SimpleListFilter):
    title = _("format")
    parameter_name = "format"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, name) for name in FORMATS]

    def queryset(self, request: HttpRequest, queryset: ExportFileQuerySet) -> ExportFileQuerySet:
        return queryset.filter(format=self.value()) if self.value() else queryset


class ExporterFilter(admin.SimpleListFilter):
    title = _("exporter")
    parameter_name = "exporter"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return sorted((exporter.name, exporter.name) for exporter in all_exporters())

    def queryset(self, request: HttpRequest, queryset: ExportFileQuerySet) -> ExportFileQuerySet:
        return queryset.filter(exporter=self.value()) if self.value() else queryset
