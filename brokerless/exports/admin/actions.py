"""What can be done with export files in the admin: remove them, and revoke the links that were mailed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from brokerless.exports.files import links
from brokerless.exports.files.withdrawal import take_back
from brokerless.exports.permissions import REMOVE_FILES, REVOKE_LINKS, may_download, may_remove, may_revoke

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.http import HttpRequest
    from django.urls import URLPattern

    from brokerless.exports.models import ExportFile, ExportFileQuerySet

MOST_AT_ONCE = 1000


class FileActions:
    """Adds the actions of the list, and the buttons of a file's page, to a ModelAdmin of export files."""

    actions = ("remove_selected", "revoke_selected")
    change_form_template = "admin/brokerless_exports/exportfile/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        acts = {"remove": (may_remove, self._remove), "revoke": (may_revoke, self._revoke)}
        own = [
            path(
                f"<uuid:file_id>/{name}/",
                self.admin_site.admin_view(require_POST(partial(self.act_view, may=may, act=act))),
                name=f"brokerless_exports_exportfile_{name}",
            )
            for name, (may, act) in acts.items()
        ]
        return [*own, *super().get_urls()]

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REMOVE_FILES)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REVOKE_LINKS)

    @admin.action(description=gettext_lazy("Remove selected files"), permissions=["remove"])
    def remove_selected(self, request: HttpRequest, queryset: ExportFileQuerySet) -> None:
        """Have the files expire now, and their links with them; their records stay."""
        self._with_chosen(request, queryset, self._remove)

    @admin.action(description=gettext_lazy("Revoke links to selected files"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: ExportFileQuerySet) -> None:
        """Have all links to the files that were mailed lead nowhere."""
        self._with_chosen(request, queryset, self._revoke)

    def act_view(self, request: HttpRequest, file_id: UUID, *, may: Any, act: Any) -> HttpResponse:
        """Do one thing with one file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        record = self.get_object(request, str(file_id))
        if record is None:
            raise Http404
        if not may(record, request.user):
            raise PermissionDenied
        act(request, [record])
        return HttpResponseRedirect(self._url("change", record))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *arguments: Any, **keywords: Any
    ) -> HttpResponse:
        record = keywords.get("obj")
        if record is not None:
            can_fetch = record.is_ready and not record.is_expired
            can_remove = can_fetch and may_remove(record, request.user)
            can_revoke = not record.are_links_revoked and may_revoke(record, request.user)
            context |= {
                "download_url": _download_url(record) if can_fetch and may_download(record, request.user) else "",
                "remove_url": self._url("remove", record) if can_remove else "",
                "revoke_url": self._url("revoke", record) if can_revoke else "",
            }
        return super().render_change_form(request, context, *arguments, **keywords)

    def _with_chosen(self, request: HttpRequest, queryset: ExportFileQuerySet, act: Any) -> None:
        records = list(queryset[: MOST_AT_ONCE + 1])
        if len(records) > MOST_AT_ONCE:
            text = ngettext(
                "At most %(most)s file at once: narrow the list down with filters.",
                "At most %(most)s files at once: narrow the list down with filters.",
                MOST_AT_ONCE,
            )
            self.message_user(request, text % {"most": MOST_AT_ONCE}, messages.ERROR)
            return
        act(request, records)

    def _remove(self, request: HttpRequest, records: Sequence[ExportFile]) -> None:
        removed = take_back(pk__in=[record.pk for record in records])
        for record in records:
            if record.pk in removed:
                self.log_change(request, record, _("Removed."))
        if count := len(removed):
            text = ngettext(
                "%(count)s file was removed: nobody can fetch it any more.",
                "%(count)s files were removed: nobody can fetch them any more.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
        if others := len(records) - count:
            text = ngettext(
                "%(count)s file could not be fetched anyway.",
                "%(count)s files could not be fetched anyway.",
                others,
            )
            self.message_user(request, text % {"count": others}, messages.WARNING)

    def _revoke(self, request: HttpRequest, records: Sequence[ExportFile]) -> None:
        count = links.revoke(pk__in=[record.pk for record in records])
        for record in records:
            self.log_change(request, record, _("Links revoked."))
        text = ngettext("%(count)s link was revoked.", "%(count)s links were revoked.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    def _url(self, view: str, record: ExportFile) -> str:
        name = f"admin:brokerless_exports_exportfile_{view}"
        return reverse(name, args=[record.pk], current_app=self.admin_site.name)


def _download_url(record: ExportFile) -> str:
    try:
        return record.get_absolute_url()
    except NoReverseMatch:
        return ""
