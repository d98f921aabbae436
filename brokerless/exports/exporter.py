"""The declaration of one kind of export, in the manner of a `ModelAdmin`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import get_permission_codename
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from brokerless.exports.asking.each_once import each_once
from brokerless.exports.asking.filter_names import filters_by_name
from brokerless.exports.asking.filter_words import EMPTY, describe_filters, title_of
from brokerless.exports.asking.filters import clean_filters, form_data
from brokerless.exports.asking.likeness import request_of
from brokerless.exports.columns import Column
from brokerless.exports.exceptions import PermissionRefused
from brokerless.exports.formats.layout import CSV, FORMATS
from brokerless.exports.formats.libraries import is_installed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import Model, QuerySet
    from django_filters import Filter, FilterSet

    User = AbstractBaseUser | AnonymousUser


class Exporter:
    """What is exported: a queryset, its columns, and the filters by which users may narrow it down.

    Register a subclass with `@register("books")` in an app's `exporters.py`. Set `queryset` and `columns`;
    the rest has defaults.

    columns: field paths, or `Column`s for expressions, callables, and labels of one's own.
    filterset_class: a django-filter `FilterSet`; its filters become the command's options and the form. Its
    `request` has the user who asks and nothing else, and is None for a run by hand.
    formats: names of the formats that users may choose, by default all; format: the one they get otherwise.
    file_name: the start of the file's name, by default the exporter's name.
    permission: who may export, by default who may view the model.
    command: the management command, by default `export_<name>`.

    Where not everybody may export all rows, override `get_queryset(user)`: it is called when the export is asked
    for and when it runs, with the user who asked; with None for a run by hand or by cron.
    """

    queryset: ClassVar[QuerySet]
    columns: ClassVar[Sequence[str | Column]]
    filterset_class: ClassVar[type[FilterSet] | None] = None
    formats: ClassVar[Sequence[str]] = tuple(FORMATS)
    format: ClassVar[str] = CSV
    file_name: ClassVar[str] = ""
    permission: ClassVar[str] = ""
    command: ClassVar[str] = ""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def model(self) -> type[Model]:
        return self.queryset.model

    @property
    def title(self) -> str:
        """What is exported, as it begins a line: Books."""
        return capfirst(self.unit)

    @property
    def unit(self) -> str:
        """What the rows are, as it is within a sentence: books."""
        return str(self.model._meta.verbose_name_plural)  # noqa: SLF001 - Django's documented API

    @property
    def command_name(self) -> str:
        return self.command or f"export_{self.name}"

    def get_columns(self, names: Sequence[str] = ()) -> list[Column]:
        """Return the columns of these names in their order; of no names all columns."""
        declared = [column if isinstance(column, Column) else Column(column) for column in self.columns]
        by_name = {column.name: column for column in declared} if names else {}
        return [by_name[name] for name in names] if names else declared

    def get_formats(self) -> list[str]:
        """Return the names of the formats that can be written here: those whose library is installed."""
        return [name for name in self.formats if is_installed(name)]

    def get_queryset(self, user: User | None) -> QuerySet:
        """Return all rows that the user may export; the user is None for a run by hand."""
        return self.queryset.all()

    def get_filters(self) -> dict[str, Filter]:
        """Return the filters that users may set, by name; each input of one that has several is one of them."""
        return filters_by_name(self.filterset_class, self.model)

    def filterset(self, data: Mapping[str, Any] | None, *, user: User | None) -> FilterSet | None:
        """Return the filters with a form's data, or with none; None for an exporter without filters."""
        if self.filterset_class is None:
            return None
        request = request_of(user) if user is not None else None
        return self.filterset_class(data, queryset=self.get_queryset(user), request=request)

    def clean(self, filters: Mapping[str, Any], *, user: User | None = None) -> dict[str, str | list[str]]:
        """Return the filters that have a value, as text. Raises InvalidFilters with what is wrong with each."""
        return clean_filters(self.get_filters(), filters, lambda data: self.filterset(data, user=user))

    def filtered(self, filters: Mapping[str, Any], *, user: User | None) -> QuerySet:
        """Return the rows of the user that the filters select, each once.

        Raises InvalidFilters with what is wrong with each.
        """
        filterset = self.filterset(form_data(self.clean(filters, user=user)), user=user)
        return self.get_queryset(user) if filterset is None else each_once(filterset.qs, filterset.queryset)

    def describe(self, filters: Mapping[str, Any]) -> str:
        """Return the export in the user's words: Books, English, from 1970; or Books, all."""
        declared = self.get_filters()
        words = describe_filters(declared, filters, self.describe_filter)
        return title_of(self.title, words, is_all=all(filters.get(name) in EMPTY for name in declared))

    def describe_filter(self, name: str, value: str | list[str]) -> str | None:
        """Return what a filter with this value lets through, in the user's words; None for the usual ones.

        Where one of the filter's class is used by several exporters, its own `describe(value)` says it for all.
        """
        return None

    def required_permission(self) -> str:
        meta = self.model._meta  # noqa: SLF001
        return self.permission or f"{meta.app_label}.{get_permission_codename('view', meta)}"

    def check_permission(self, user: User) -> None:
        """Raise PermissionRefused when the user may not export this."""
        if not user.has_perm(self.required_permission()):
            text = _("%(user)s may not export %(what)s: the permission %(permission)s is needed.")
            values = {"user": user, "what": self.unit, "permission": self.required_permission()}
            raise PermissionRefused(text % values)
