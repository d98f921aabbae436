"""The columns of an export, and how their values are written as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from decimal import Decimal

    Renderer = Callable[[Sequence[Any]], list[str]]


@dataclass(frozen=True)
class Column:
    """One column: the path of a field (`author__name`), and its label, by default the path."""

    path: str
    label: str = ""

    @property
    def header(self) -> str:
        return self.label or self.path

    def renderer(self, model: type[models.Model]) -> Renderer | None:
        """Return what turns this column's values into text; None where csv's own way is the right one."""
        field = _field(model, self.path)
        return next((render for kind, render in RENDERERS.items() if isinstance(field, kind)), None)


def _field(model: type[models.Model], path: str) -> models.Field:
    """Return the field at the end of a path. Raises FieldDoesNotExist for a wrong one."""
    *relations, last = path.split("__")
    for name in relations:
        model = model._meta.get_field(name).related_model  # noqa: SLF001 - Django's documented API
    return model._meta.pk if last == "pk" else model._meta.get_field(last)  # noqa: SLF001


# Whole columns at a time: a call for each of a million values costs more than the text itself.


def _booleans(values: Sequence[bool | None]) -> list[str]:
    texts = {True: "true", False: "false", None: ""}
    return [texts[value] for value in values]


def _moments(values: Sequence[datetime | None]) -> list[str]:
    """Write ISO 8601, aware ones in the time zone of whoever asked, with its offset."""
    zone = timezone.get_current_timezone()
    local = [value.astimezone(zone) if value is not None and value.tzinfo else value for value in values]
    return ["" if value is None else value.isoformat() for value in local]


def _decimals(values: Sequence[Decimal | None]) -> list[str]:
    """Write all digits, never an exponent."""
    return ["" if value is None else f"{value:f}" for value in values]


RENDERERS: dict[type[models.Field], Renderer] = {
    models.BooleanField: _booleans,
    models.DateTimeField: _moments,
    models.DecimalField: _decimals,
}
