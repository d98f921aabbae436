"""The columns of an export, and how their values are written as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal


@dataclass(frozen=True)
class Column:
    """One column: the path of a field (`author__name`), and its label, by default the path."""

    path: str
    label: str = ""

    @property
    def header(self) -> str:
        return self.label or self.path

    def renderer(self, model: type[models.Model]) -> Callable[[Any], Any] | None:
        """Return what turns a value into its text; None where csv's own way is the right one."""
        field = _field(model, self.path)
        for kind, render in RENDERERS.items():
            if isinstance(field, kind):
                return partial(_unless_null, render)
        return None


def _field(model: type[models.Model], path: str) -> models.Field:
    """Return the field at the end of a path. Raises FieldDoesNotExist for a wrong one."""
    *relations, last = path.split("__")
    for name in relations:
        model = model._meta.get_field(name).related_model  # noqa: SLF001 - Django's documented API
    return model._meta.pk if last == "pk" else model._meta.get_field(last)  # noqa: SLF001


def _unless_null(render: Callable[[Any], str], value: Any) -> str:
    return "" if value is None else render(value)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _date_time(value: datetime) -> str:
    """Write ISO 8601 in the time zone of whoever asked, with its offset."""
    return (timezone.localtime(value) if timezone.is_aware(value) else value).isoformat()


def _decimal(value: Decimal) -> str:
    """Write all digits, never an exponent."""
    return format(value, "f")


RENDERERS: dict[type[models.Field], Callable[[Any], str]] = {
    models.BooleanField: _boolean,
    models.DateTimeField: _date_time,
    models.DecimalField: _decimal,
}
