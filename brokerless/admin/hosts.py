"""The hosts that run tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless.admin.read_only import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.http import HttpRequest

    from brokerless.models import Host


class HostAdmin(ReadOnlyAdmin):
    list_display = ["name", "dispatched_at", "paused_at"]
    search_fields = ["name"]

    def has_delete_permission(self, request: HttpRequest, obj: Host | None = None) -> bool:
        """Refuse it: with its row a host would lose its pause."""
        return False
