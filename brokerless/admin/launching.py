"""Launching commands in the admin: choose one, fill in its form, see what will run, and let it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from brokerless import once
from brokerless.admin.launch_forms import LaunchForms
from brokerless.call import in_words
from brokerless.command_forms.offered import is_offered, offers
from brokerless.conf import settings
from brokerless.dashboard.selected_words import done_already
from brokerless.exceptions import BrokerlessError, TooManyTasks
from brokerless.launching import launch
from brokerless.models import TaskState
from brokerless.permissions import IN_ADMIN, LAUNCH_COMMANDS
from brokerless.responses import too_many_words

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

TEMPLATES = "admin/brokerless/taskstate"
# The names of the confirmation's buttons; without any of them the form itself was sent.
LAUNCH, CHANGE = "_launch", "_change"


class LaunchPages:
    """Adds the pages to a ModelAdmin of tasks: for BROKERLESS["ADMIN_COMMANDS"], and who may launch."""

    change_list_template = f"{TEMPLATES}/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        to_choose = self.admin_site.admin_view(require_safe(self.launch_list_view))
        to_launch = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.launch_view))
        return [
            path("launch/", to_choose, name="brokerless_taskstate_launch"),
            path("launch/<str:command>/", to_launch, name="brokerless_taskstate_launch_command"),
            *super().get_urls(),
        ]

    def has_launch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(LAUNCH_COMMANDS)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        can_launch = bool(settings.ADMIN_COMMANDS) and self.has_launch_permission(request)
        return super().changelist_view(request, {**(extra_context or {}), "can_launch": can_launch})

    def launch_list_view(self, request: HttpRequest) -> HttpResponse:
        """List the commands, with what they say of themselves."""
        self._check_permission(request)
        if not settings.ADMIN_COMMANDS:
            raise Http404
        found = [
            {"offer": offer, "url": self._launch_url(offer.name), "title": in_words(offer.name)}
            for offer in offers()
        ]
        return self._page(request, "launch_list", {"title": _("Launch a command"), "commands": found})

    def launch_view(self, request: HttpRequest, command: str) -> HttpResponse:
        """Show a command's form; when it is valid what will run; when that is confirmed launch it."""
        self._check_permission(request)
        if not is_offered(command):
            raise Http404
        is_sent = request.method == "POST"
        forms = LaunchForms(command, request.POST if is_sent else None, model_admin=self)
        if is_sent and not forms.is_valid():
            return self._form_page(request, forms, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        if not is_sent or CHANGE in request.POST:
            return self._form_page(request, forms)
        if LAUNCH not in request.POST:
            return self._confirmation(request, forms)
        if not once.take(request):
            self.message_user(request, done_already(), messages.WARNING)
            return HttpResponseRedirect(self._list_url(request))
        return self._launched(request, forms)

    def _launched(self, request: HttpRequest, forms: LaunchForms) -> HttpResponse:
        """Launch it and lead to the task, or say why it cannot be."""
        try:
            task = self._launch(request, forms)
        except TooManyTasks as error:
            self.message_user(request, too_many_words(error), messages.ERROR)
            return self._form_page(request, forms, status=HTTPStatus.TOO_MANY_REQUESTS)
        except BrokerlessError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self._form_page(request, forms, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return self._to_launched(request, task)

    def _launch(self, request: HttpRequest, forms: LaunchForms) -> TaskState:
        with transaction.atomic(using=router.db_for_write(TaskState)):
            task = launch(
                forms.name,
                arguments=forms.command.read.arguments,
                options=forms.command.read.options,
                request=request,
                owner=request.user,
                title=forms.task.cleaned_data["title"],
                queue=forms.task.cleaned_data["queue"],
                unique_key=once.unique_key(request),
            )
            if not task.is_joined:
                # So that who repeats it is asked for the same again; see `may_retry()`.
                task.context[IN_ADMIN] = True
                TaskState.objects.filter(pk=task.pk).update(context=task.context)
                self.log_addition(request, task, _("Launched: %(line)s") % {"line": forms.line})
        return task

    def _to_launched(self, request: HttpRequest, task: TaskState) -> HttpResponse:
        said = _("It has been launched already: %(task)s") if task.is_joined else _("Launched: %(task)s")
        self.message_user(request, said % {"task": task}, messages.SUCCESS)
        can_view = self.has_view_permission(request)
        return HttpResponseRedirect(self.task_url("change", task.pk) if can_view else self._launch_url())

    def _list_url(self, request: HttpRequest) -> str:
        """Return where the tasks are; for who may only launch some, where that is done."""
        if not self.has_view_permission(request):
            return self._launch_url()
        return reverse("admin:brokerless_taskstate_changelist", current_app=self.admin_site.name)

    def _form_page(
        self, request: HttpRequest, forms: LaunchForms, *, status: HTTPStatus = HTTPStatus.OK
    ) -> HttpResponse:
        return self._page(request, "launch_form", {"title": forms.title, "forms": forms}, status=status)

    def _confirmation(self, request: HttpRequest, forms: LaunchForms) -> HttpResponse:
        context = {
            "title": _("Launch this?"),
            "forms": forms,
            "launch": LAUNCH,
            "change": CHANGE,
            "hidden": [*forms.sent(), (once.FIELD, once.token())],
        }
        return self._page(request, "launch_confirmation", context)

    def _page(
        self, request: HttpRequest, name: str, context: dict[str, Any], *, status: HTTPStatus = HTTPStatus.OK
    ) -> HttpResponse:
        everywhere = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "has_view_permission": self.has_view_permission(request),
            "launch_list_url": self._launch_url(),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"{TEMPLATES}/{name}.html", everywhere | context, status=status)

    def _check_permission(self, request: HttpRequest) -> None:
        if not self.has_launch_permission(request):
            raise PermissionDenied

    def _launch_url(self, command: str = "") -> str:
        name = f"admin:brokerless_taskstate_launch{'_command' if command else ''}"
        return reverse(name, args=[command] if command else [], current_app=self.admin_site.name)
