"""The two forms of a launch, the command's own and what any task has, as one page of the admin."""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.helpers import AdminForm
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from brokerless import queues
from brokerless.arguments import load_command
from brokerless.call import in_words
from brokerless.command_forms.form import CommandForm
from brokerless.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin import ModelAdmin
    from django.http import QueryDict

# The admin's stylesheet knows the widgets by these.
CLASSES = {forms.TextInput: "vTextField", forms.Textarea: "vLargeTextField", forms.NumberInput: "vIntegerField"}


class TaskForm(forms.Form):
    """What any task has."""

    prefix = "task"

    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=200, required=False, help_text=gettext_lazy("What the list shows.")
    )
    queue = forms.ChoiceField(label=gettext_lazy("Queue"))

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        # Not those of task functions: `launch()` takes a command into the settings' own.
        names = sorted({queues.DEFAULT, *settings.QUEUES})
        self.fields["queue"].choices = [(name, name) for name in names]
        if self.initial.get("queue") not in names:
            self.initial["queue"] = queues.DEFAULT


class LaunchForms:
    """Both forms of a command, filled in or not."""

    def __init__(self, name: str, data: QueryDict | None, *, model_admin: ModelAdmin) -> None:
        self.name = name
        self.title = _("Launch: %(command)s") % {"command": in_words(name)}
        self.default_title = in_words(name)
        command = load_command(name)
        self.help = str(command.help)
        self.command = CommandForm(name, data)
        usual = {"title": self.default_title, "queue": getattr(command, "queue_in_forms", "")}
        self.task = TaskForm(data, initial=usual)
        self._data = data
        self._model_admin = model_admin

    def is_valid(self) -> bool:
        return all([self.command.is_valid(), self.task.is_valid()])

    @property
    def errors(self) -> list[Any]:
        """All that is wrong; a form that was not sent has nothing."""
        return [*self.command.errors.values(), *self.task.errors.values()]

    @property
    def line(self) -> str:
        """What one would type to run it."""
        return f"manage.py {shlex.join([self.name, *self.command.line])}"

    @property
    def queue(self) -> queues.Queue:
        return queues.get_queue(self.task.cleaned_data["queue"])

    @cached_property
    def fieldsets(self) -> list[Any]:
        """The fields as the admin's templates show them."""
        own = [(in_words(self.name), {"fields": list(self.command.fields)})] if self.command.fields else []
        return [
            *self._shown(self.command, own),
            *self._shown(self.task, [(_("Task"), {"fields": ["title", "queue"]})]),
        ]

    def sent(self) -> Iterator[tuple[str, str]]:
        """Yield what was filled in, by the names under which it is sent, to be sent again."""
        for form in (self.command, self.task):
            for field in form:
                for value in self._data.getlist(field.html_name):
                    yield field.html_name, value

    def _shown(self, form: forms.Form, fieldsets: list[Any]) -> AdminForm:
        for field in form.fields.values():
            for widget, name in CLASSES.items():
                if isinstance(field.widget, widget):
                    field.widget.attrs["class"] = name
                    break
        return AdminForm(form, fieldsets, {}, model_admin=self._model_admin)
