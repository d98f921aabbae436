"""What an export reads: its queryset in a total order, each column under an alias, each of a known kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import models
from django.db.models import F
from django.db.models.expressions import Col
from django.utils.translation import gettext as _

from brokerless.exports.columns import PlannedColumn
from brokerless.exports.conversion import conversion
from brokerless.exports.exceptions import OutputError
from brokerless.exports.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Field, QuerySet

    from brokerless.exports.columns import Column

ALIAS = "exported_"
KINDS: tuple[tuple[tuple[type[Field], ...], Kind], ...] = (
    ((models.CharField, models.TextField, models.FileField), Kind.TEXT),
    ((models.IntegerField,), Kind.INTEGER),
    ((models.BooleanField,), Kind.BOOLEAN),
    ((models.DecimalField,), Kind.DECIMAL),
    ((models.FloatField,), Kind.FLOAT),
    ((models.DateTimeField,), Kind.MOMENT),  # before its base class
    ((models.DateField,), Kind.DATE),
    ((models.TimeField,), Kind.TIME),
    ((models.UUIDField, models.DurationField), Kind.WORD),
)


@dataclass(frozen=True)
class Plan:
    """A queryset in a total order, with an annotation for each column that is no callable."""

    queryset: QuerySet
    columns: Sequence[PlannedColumn]

    @property
    def has_callables(self) -> bool:
        return any(not column.alias for column in self.columns)


def plan(queryset: QuerySet, columns: Sequence[Column]) -> Plan:
    """Return how the columns are read. Raises FieldDoesNotExist or FieldError for a path that leads nowhere."""
    if queryset.query.combinator:
        raise OutputError(
            _(
                "A union, intersection or difference of querysets cannot be exported. "
                "Select its rows by their keys instead: filter(pk__in=…)."
            )
        )
    aliases = ["" if column.is_callable else f"{ALIAS}{place}" for place, column in enumerate(columns)]
    values = {alias: _expression(column) for alias, column in zip(aliases, columns, strict=True) if alias}
    annotated = in_total_order(queryset).annotate(**values)
    return Plan(annotated, [_planned(annotated, *pair) for pair in zip(columns, aliases, strict=True)])


def has_model_rows(queryset: QuerySet) -> bool:
    """Tell whether each row is of one instance, and not of a group of them, as after values()."""
    return queryset._fields is None and not isinstance(queryset.query.group_by, tuple)


def in_total_order(queryset: QuerySet) -> QuerySet:
    """Return the queryset ordered by its key too, after its own order, so that each run gives the same file."""
    query = queryset.query
    if not has_model_rows(queryset) or query.extra_order_by:
        return queryset
    ordering = query.order_by or (query.default_ordering and query.get_meta().ordering) or ()
    if any(_is_total(part, queryset.model) for part in ordering):
        return queryset
    ordered = queryset.all()
    # Not by order_by(), which refuses a slice; of that, too, the database may else give any rows.
    ordered.query.clear_ordering(force=True)
    ordered.query.add_ordering(*ordering, "pk")
    return ordered


def _is_total(part: object, model: type[models.Model]) -> bool:
    """Tell whether to order by it leaves no ties. Not by what is computed, of which little is known."""
    name = part.removeprefix("-") if isinstance(part, str) else ""
    if name in {"pk", "?"}:
        return True
    try:
        field = model._meta.get_field(name)  # noqa: SLF001 - Django's documented API
    except FieldDoesNotExist:
        return False
    if field.is_relation and name != getattr(field, "attname", ""):
        return False  # which is by the related model's own ordering, where several may be alike
    return bool(getattr(field, "unique", False)) and not field.null


def _expression(column: Column) -> models.expressions.Combinable:
    return F(column.value) if isinstance(column.value, str) else column.value


def _planned(queryset: QuerySet, column: Column, alias: str) -> PlannedColumn:
    resolved = queryset.query.annotations[alias] if alias else None
    field = _field(resolved)
    kind, convert = conversion(column, kind_of(field), field)
    digits = {name: getattr(field, name, None) for name in ("max_digits", "decimal_places")}
    if column.places is not None and kind is Kind.DECIMAL:
        digits = _rounded_digits(field, column.places)
    return PlannedColumn(
        column.header,
        column.name,
        kind,
        column.null,
        **digits,
        convert=convert,
        declared=column,
        alias=alias,
        field=field,
        is_stored=isinstance(resolved, Col),
    )


def _field(resolved: object) -> Field | None:
    """Return the field whose values an annotation has: of a relation the key that it holds."""
    try:
        field = resolved.output_field if resolved is not None else None
    except FieldError:  # Django cannot tell either
        return None
    while isinstance(field, models.ForeignKey | models.GeneratedField):
        field = field.target_field if isinstance(field, models.ForeignKey) else field.output_field
    return field


def kind_of(field: Field | None) -> Kind:
    """Return the kind of the values that the database has for a field."""
    if hasattr(field, "from_db_value"):  # its values are whatever the field makes of them
        return Kind.ANY
    return next((kind for classes, kind in KINDS if isinstance(field, classes)), Kind.ANY)


def _rounded_digits(field: Field | None, places: int) -> dict[str, int | None]:
    """Return how large a decimal of so many places can be: one digit more, as 9.9 may become 10."""
    known = getattr(field, "max_digits", None)
    whole = None if known is None else known - field.decimal_places + 1
    return {"max_digits": None if whole is None else whole + places, "decimal_places": places}
