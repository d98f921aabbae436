"""Filters that follow a relation to many find a row once for each of them; an export has it once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import FieldError
from django.db.models import Field
from django.db.models.sql.datastructures import Join

from brokerless.exports.planning import has_model_rows

if TYPE_CHECKING:
    from django.db.models import QuerySet


def each_once(filtered: QuerySet, rows: QuerySet) -> QuerySet:
    """Return what is left of the rows after filters, each row once, and nothing joined to it.

    A join would also multiply what columns count. So the rows are found by the keys of those that are left, where
    the filters have joined what the rows themselves have not.
    """
    if filtered.query.combinator or not has_model_rows(rows):
        return filtered
    if not _joins_to_many(filtered) - _joins_to_many(rows):
        return filtered
    # The order decides which are the first ones, and which of those that are alike is taken.
    is_order_needed = filtered.query.is_sliced or filtered.query.distinct_fields
    keys = (filtered if is_order_needed else filtered.order_by()).values("pk")
    return _in_the_order_of(filtered, rows.filter(pk__in=keys))


def _joins_to_many(queryset: QuerySet) -> set[str]:
    """Return the aliases of the joins that may find several rows for one."""
    query = queryset.query
    return {
        alias
        for alias, join in query.alias_map.items()
        if query.alias_refcount[alias] and isinstance(join, Join) and not _leads_to_one(join.join_field)
    }


def _leads_to_one(join_field: object) -> bool:
    """Tell whether a join is over a key of the row itself, or over that of a one-to-one relation."""
    return isinstance(join_field, Field) or bool(join_field.one_to_one)


def _in_the_order_of(filtered: QuerySet, rows: QuerySet) -> QuerySet:
    """Order the rows as filters did, if they did, and if that joins nothing to them either."""
    order = filtered.query.order_by
    if order == rows.query.order_by or not all(_is_of_the_row(part, rows) for part in order):
        return rows
    return rows.order_by(*order)


def _is_of_the_row(part: object, rows: QuerySet) -> bool:
    if not isinstance(part, str):
        return False
    name = part.removeprefix("-")
    if name == "?" or name in rows.query.annotations:
        return True
    try:
        path = rows.query.names_to_path(name.split("__"), rows.model._meta)[0]  # noqa: SLF001
    except FieldError:
        return False
    return not any(step.m2m for step in path)
