"""Pieces of SQL with their parameters, and the rows of a compiled query as one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models.expressions import Col

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models.sql.compiler import SQLCompiler

# Orders and groups by what is selected, at a place.
BY_PLACE = re.compile(r"\bBY \d")


@dataclass(frozen=True)
class Sql:
    """A piece of SQL with its parameters, which the driver takes or quotes; a % of its own is doubled."""

    text: str
    parameters: tuple[Any, ...] = ()


def joined(pieces: Iterable[Sql], separator: str) -> Sql:
    """Return the pieces as one."""
    pieces = list(pieces)
    parameters = [parameter for piece in pieces for parameter in piece.parameters]
    return Sql(separator.join(piece.text for piece in pieces), tuple(parameters))


@dataclass(frozen=True)
class Rows:
    """Where the rows of a query come from.

    query: the whole. source: what stands behind FROM. values: what is selected from there for each alias.
    is_flat: whether that is of the tables themselves, so that values are computed in an order of the database's.
    """

    query: Sql
    source: Sql
    values: Mapping[str, str]
    is_flat: bool


def rows_of(compiler: SQLCompiler, *, may_be_flat: bool = True) -> Rows:
    """Return the rows of a query whose every column has an alias. Raises EmptyResultSet.

    Where only columns of tables are selected, they are read there: rows that pass through a subquery cost a tenth
    more. Not where rows are grouped or made distinct, which depends on what is selected.
    """
    text, parameters = compiler.as_sql()
    query = Sql(text, parameters)
    quote = compiler.connection.ops.quote_name
    plain = {alias: sql for expression, (sql, _), alias in compiler.select if isinstance(expression, Col)}
    selected = ", ".join(f"{sql} AS {quote(alias)}" for alias, sql in plain.items())
    head = f"SELECT {selected} FROM "  # noqa: S608 - compared, not run
    rest = text.removeprefix(head)
    is_plain = text.startswith(head) and len(plain) == len(compiler.select)
    is_independent = compiler.query.group_by is None and not _mentions(rest, plain)
    if may_be_flat and is_plain and is_independent:
        return Rows(query, Sql(rest, parameters), plain, is_flat=True)
    values = {alias: quote(alias) for _, _, alias in compiler.select}
    return Rows(query, Sql(f'({text}) AS "rows"', parameters), values, is_flat=False)


def _mentions(text: str, aliases: Iterable[str]) -> bool:
    """Tell whether what follows FROM refers to what is selected, by name or by place."""
    return any(f'"{alias}"' in text for alias in aliases) or bool(BY_PLACE.search(text))
