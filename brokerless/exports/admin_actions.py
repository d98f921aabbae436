"""The action of Django's admin that exports what is selected: `class BookAdmin(ExportMixin, admin.ModelAdmin)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.forms import BooleanField
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from brokerless import BrokerlessError, launch
from brokerless.exports.asking.admin_selection import describe, listed, picked
from brokerless.exports.asking.alike import unique_key
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import InvalidSelection, PermissionRefused
from brokerless.exports.files import quota
from brokerless.exports.registry import get_exporter

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from brokerless.models import TaskState

ACTION = "export_selected"


class ExportMixin:
    """Adds "Export selected" to a `ModelAdmin`. Set `exporter` to the name of an exporter of the same model.

    It is for those who may use the exporter. "Select all" exports what the list's filters and its search select
    when the task runs; of rows that were picked one by one those are exported that are still there.
    """

    exporter: ClassVar[str]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions with this one, whatever a subclass lists; none where it wants none."""
        found = super().get_actions(request)
        if self.actions is not None and IS_POPUP_VAR not in request.GET and self.has_export_permission(request):
            found[ACTION] = self.get_action(ACTION)
        return found

    def has_export_permission(self, request: HttpRequest) -> bool:
        try:
            get_exporter(self.exporter).check_permission(request.user)
        except PermissionRefused:
            return False
        return True

    @admin.action(description=gettext_lazy("Export selected %(verbose_name_plural)s"))
    def export_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Start a task, and say where it is."""
        try:
            task = _launch(request, self.exporter, _selection(self, request, queryset))
        except BrokerlessError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, _started(task), messages.SUCCESS)


def _selection(model_admin: ExportMixin, request: HttpRequest, queryset: QuerySet) -> dict[str, Any]:
    """Describe what was selected. Raises InvalidSelection for what no page of the list could have sent."""
    if BooleanField(required=False).to_python(request.POST.get("select_across", "")):
        return listed(model_admin, request.GET.urlencode())
    most = max(model_admin.list_per_page, model_admin.list_max_show_all)
    if len(request.POST.getlist(ACTION_CHECKBOX_NAME)) > most:
        text = ngettext(
            "At most %(most)s row can be picked one by one; select all, and narrow them down with filters.",
            "At most %(most)s rows can be picked one by one; select all, and narrow them down with filters.",
            most,
        )
        raise InvalidSelection(text % {"most": most})
    keys = [str(key) for key in queryset.order_by("pk").values_list("pk", flat=True)]
    if not keys:
        raise InvalidSelection(_("What was selected is no longer there. Load the list again."))
    return picked(model_admin, keys)


def _launch(request: HttpRequest, name: str, selection: dict[str, Any]) -> TaskState:
    exporter = get_exporter(name)
    quota.check(request.user)
    return launch(
        exporter.command_name,
        options={"admin_selection": selection},
        request=request,
        title=describe(exporter.title, selection, exporter.model),
        queue=settings.QUEUE,
        unique_key=unique_key(name, selection),
    )


def _started(task: TaskState) -> str:
    """Return what the user reads, with a link to the task where the site has its page."""
    said = _("The export has been started:") if not task.is_joined else _("This is being exported already:")
    try:
        return format_html('{} <a href="{}">{}</a>', said, reverse("brokerless:task", args=[task.pk]), task)
    except NoReverseMatch:
        return f"{said} {task}"
