"""The filters of the list: a form that is read from the address, and the tasks that it leaves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from brokerless.dashboard.choices import MOST, command_names, queue_names
from brokerless.dashboard.searching import LONGEST_SEARCH, matching
from brokerless.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.contrib.auth.models import AbstractBaseUser

    from brokerless.models import TaskStateQuerySet

SHOWN_VALUE = 40  # characters of a wrong value that its refusal repeats
UNFINISHED, CANCELLING = "UNFINISHED", "CANCELLING"
STATUSES = [
    (UNFINISHED, gettext_lazy("Unfinished")),
    *TaskState.Status.choices,
    (CANCELLING, gettext_lazy("Cancelling")),
]
PERIODS = {
    "hour": (gettext_lazy("Last hour"), dt.timedelta(hours=1)),
    "day": (gettext_lazy("Last 24 hours"), dt.timedelta(days=1)),
    "week": (gettext_lazy("Last 7 days"), dt.timedelta(days=7)),
}
ANY = ("", gettext_lazy("All"))
ME, NOBODY = "me", "nobody"
NAME = "@"  # before what is a user's name in any case, be it "me"
MOMENT = "%Y-%m-%dT%H:%M:%S"  # as HTML's datetime-local has it
# Those that a page hides until they are asked for.
FURTHER = ("command", "queue", "owner", "period", "since", "until")


class OneOf(forms.ChoiceField):
    """A choice whose refusal names what there is to a program; a person has it to choose from.

    is_for_programs: who is to read it.
    """

    is_for_programs = False

    def validate(self, value: str) -> None:
        forms.Field.validate(self, value)
        if value and not self.valid_value(value):
            text = _("There is no “%(value)s” here: choose from the list.")
            if self.is_for_programs:
                text = _("There is no %(name)s “%(value)s”. There is: %(known)s.")
            known = ", ".join(f"{key} ({label})" for key, label in self.choices if key)
            raise ValidationError(
                text, params={"name": self.label.lower(), "value": value[:SHOWN_VALUE], "known": known}
            )


class Moment(forms.DateTimeField):
    """A moment, as a page's field sends it or in ISO 8601; without an offset it is the user's time."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format=MOMENT)
    default_error_messages = {"invalid": gettext_lazy("Enter a date and a time, as in 2026-11-21T14:30.")}

    def to_python(self, value: Any) -> dt.datetime | None:
        found = super().to_python(value)
        if found is None:
            return None
        try:
            if not django_settings.USE_TZ:
                return timezone.make_naive(found) if timezone.is_aware(found) else found
            timezone.localtime(found)  # which a page shows
            return found.astimezone(dt.UTC)
        except (OverflowError, ValueError) as error:  # at the calendar's ends
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


class FilterForm(forms.Form):
    """What narrows down the list of the tasks that a user sees."""

    q = forms.CharField(
        label=gettext_lazy("Search"),
        required=False,
        max_length=LONGEST_SEARCH,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    status = OneOf(label=gettext_lazy("Status"), required=False, choices=[ANY, *STATUSES])
    command = forms.CharField(label=gettext_lazy("Command"), required=False, max_length=200, widget=forms.Select)
    queue = forms.CharField(label=gettext_lazy("Queue"), required=False, max_length=100, widget=forms.Select)
    owner = forms.CharField(label=gettext_lazy("Asked by"), required=False, max_length=200)
    period = OneOf(
        label=gettext_lazy("When"),
        required=False,
        choices=[("", gettext_lazy("At any time")), *((key, label) for key, (label, _length) in PERIODS.items())],
    )
    since = Moment(label=gettext_lazy("Asked for since"), required=False)
    until = Moment(label=gettext_lazy("Asked for until"), required=False)

    def __init__(
        self,
        data: Mapping[str, str],
        *,
        user: AbstractBaseUser,
        tasks: TaskStateQuerySet,
        is_for_programs: bool = False,
    ) -> None:
        """Read the data. tasks: all that the user sees."""
        super().__init__(data, auto_id="filter_%s")
        self.user = user
        self.tasks = tasks
        for name in ("status", "period"):
            self.fields[name].is_for_programs = is_for_programs
        if user.is_staff:
            self.fields["owner"].help_text = _(
                "A user name, “me” or “nobody”; after an @ it is a name in any case."
            )
        elif not data.get("owner"):
            del self.fields["owner"]

    def clean_owner(self) -> str:
        if self.cleaned_data["owner"] and not self.user.is_staff:
            raise ValidationError(_("Only staff may choose whose tasks are shown."))
        return self.cleaned_data["owner"]

    @property
    def chosen(self) -> dict[str, str]:
        """What is given, as it was, to be carried in addresses."""
        return {name: self.data[name] for name in self.fields if self.data.get(name)}

    @property
    def further(self) -> list[str]:
        """The fields in use of those that a page hides at first."""
        return [name for name in FURTHER if name in self.chosen]

    @property
    def has_further_errors(self) -> bool:
        return any(name in self.errors for name in FURTHER)

    @property
    def is_few(self) -> bool:
        """Whether what is left is what an index finds at once: of the unfinished there are never many for long."""
        return self.cleaned_data["status"] in {UNFINISHED, CANCELLING}

    @cached_property
    def commands(self) -> list[str]:
        return command_names(self.tasks, self.user)

    def offer(self) -> None:
        """Fill in what there is to choose from, for a page."""
        self._offer("command", self.commands)
        self._offer("queue", queue_names())
        self._show_local_times()

    def narrowed(self) -> TaskStateQuerySet:
        """Select the tasks that the form, which is valid, leaves."""
        given, tasks = self.cleaned_data, self.tasks
        for name in ("command", "queue"):
            if given[name]:
                tasks = tasks.filter(**{name: given[name]})
        tasks = _of_owner(_in_status(tasks, given["status"]), given.get("owner", ""), self.user)
        if given["period"]:
            tasks = tasks.filter(created_at__gte=timezone.now() - PERIODS[given["period"]][1])
        if given["since"]:
            tasks = tasks.filter(created_at__gte=given["since"])
        if given["until"]:
            tasks = tasks.filter(created_at__lte=given["until"])
        if given["q"]:
            commands = self.commands if len(self.commands) < MOST else None
            tasks = matching(tasks, given["q"], commands=commands, by_owner=self.user.is_staff)
        return tasks

    def _offer(self, name: str, values: Iterable[str]) -> None:
        chosen = self.data.get(name)
        offered = sorted({*values, *([chosen] if chosen else [])})
        self.fields[name].widget.choices = [ANY, *((value, value) for value in offered)]

    def _show_local_times(self) -> None:
        """Have the fields show what was understood: of an address's ISO 8601 a browser shows no offset."""
        data = self.data.copy()
        for name in ("since", "until"):
            if found := self.cleaned_data.get(name):
                data[name] = (timezone.localtime(found) if timezone.is_aware(found) else found).strftime(MOMENT)
        self.data = data


def _in_status(tasks: TaskStateQuerySet, status: str) -> TaskStateQuerySet:
    if status == UNFINISHED:
        return tasks.unfinished()
    if status == CANCELLING:
        return tasks.unfinished().filter(cancel_requested_at__isnull=False)
    return tasks.filter(status=status) if status else tasks


def _of_owner(tasks: TaskStateQuerySet, owner: str, user: AbstractBaseUser) -> TaskStateQuerySet:
    if not owner:
        return tasks
    if owner == NOBODY:
        return tasks.filter(owner_id=None)
    if owner == ME:
        return tasks.filter(owner_id=user.pk)
    # Looked up first: an index has the owner's key. Nobody of that name has no tasks, as who has none that show.
    key = _key_of(owner)
    if key is None and owner.startswith(NAME):
        key = _key_of(owner.removeprefix(NAME))
    return tasks.none() if key is None else tasks.filter(owner_id=key)


def _key_of(name: str) -> Any:
    model = get_user_model()
    return model._default_manager.filter(**{model.USERNAME_FIELD: name}).values_list("pk", flat=True).first()  # noqa: SLF001
