"""What all admins of this product have in common: they show rows that only its own code writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.forms import Media
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import Model
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows. The permission to change them is one to act on them, never to fill in a form."""

    show_full_result_count = False  # a second count of all rows for every page
    show_facets = admin.ShowFacets.NEVER  # a count of all rows for each choice of each filter
    list_per_page = 50

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["brokerless/admin.css"]})

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Ask for this very permission, as the site's pages do: to act is not to see."""
        codename = get_permission_codename("view", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def short_moment(at: datetime | None) -> str:
    """Write a moment in as few digits as the reader's language has for it: in a list there is little room."""
    if at is None:
        return "-"
    return date_format(timezone.localtime(at) if timezone.is_aware(at) else at, "SHORT_DATETIME_FORMAT")


def as_it_is(text: str) -> SafeString | str:
    """Show a text with its lines and spaces."""
    return format_html('<pre class="bl-text">{}</pre>', text) if text else ""


def as_json(value: Any) -> SafeString | str:
    """Show what JSON holds, if it holds anything."""
    return as_it_is(json.dumps(value, indent=2, ensure_ascii=False)) if value else ""
