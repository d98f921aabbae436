"""The declaration of one kind of export, in the manner of a `ModelAdmin`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import get_permission_codename

from brokerless.exports.columns import Column
from brokerless.exports.exceptions import PermissionRefused
from brokerless.exports.filters import clean_filters, describe_filters, form_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import Model, QuerySet
    from django_filters import Filter, FilterSet


class Exporter:
    """What is exported: a queryset, its columns, and the filters by which users may narrow it down.

    Register a subclass with `@register("books")` in an app's `exporters.py`. Set `queryset` and `columns`;
    the rest has defaults.

    columns: field paths, or `Column`s for a label of one's own.
    filterset_class: a django-filter `FilterSet`; its filters become the command's options and the form.
    file_name: the start of the file's name, by default the exporter's name.
    permission: who may export, by default who may view the model.
    command: the management command, by default `export_<name>`.
    """

    queryset: ClassVar[QuerySet]
    columns: ClassVar[Sequence[str | Column]]
    filterset_class: ClassVar[type[FilterSet] | None] = None
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
        return str(self.model._meta.verbose_name_plural).capitalize()  # noqa: SLF001 - Django's documented API

    @property
    def command_name(self) -> str:
        return self.command or f"export_{self.name}"

    def get_columns(self) -> list[Column]:
        return [column if isinstance(column, Column) else Column(column) for column in self.columns]

    def get_queryset(self) -> QuerySet:
        """Return all rows that can be exported."""
        return self.queryset.all()

    def get_filters(self) -> dict[str, Filter]:
        """Return the filters that users may set, by name."""
        return dict(self.filterset_class.base_filters) if self.filterset_class else {}

    def filterset(self, data: Mapping[str, Any] | None) -> FilterSet | None:
        """Return the filters with a form's data, or with none; None for an exporter without filters."""
        return self.filterset_class(data, queryset=self.get_queryset()) if self.filterset_class else None

    def clean(self, filters: Mapping[str, Any]) -> dict[str, str | list[str]]:
        """Return the filters that have a value, as text. Raises InvalidFilters with what is wrong with each."""
        return clean_filters(self.filterset_class, filters, self.get_queryset())

    def filtered(self, filters: Mapping[str, Any]) -> QuerySet:
        """Return the rows that the filters select. Raises InvalidFilters with what is wrong with each."""
        filterset = self.filterset(form_data(self.clean(filters)))
        return self.get_queryset() if filterset is None else filterset.qs

    def describe(self, filters: Mapping[str, Any]) -> str:
        """Return the export in the user's words: what, and narrowed down by what."""
        return describe_filters(self.title, self.filterset_class, filters)

    def required_permission(self) -> str:
        meta = self.model._meta  # noqa: SLF001
        return self.permission or f"{meta.app_label}.{get_permission_codename('view', meta)}"

    def check_permission(self, user: AbstractBaseUser | AnonymousUser) -> None:
        """Raise PermissionRefused when the user may not export this."""
        if not user.has_perm(self.required_permission()):
            raise PermissionRefused(
                f"{user} may not export {self.title.lower()}: "
                f"the permission {self.required_permission()} is needed."
            )
