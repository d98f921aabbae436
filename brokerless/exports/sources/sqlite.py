"""Rows from SQLite on the raw cursor: what it has, without a look at each value by three layers of Django."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, connections

from brokerless.exports.exceptions import UnsuitableValue
from brokerless.exports.formats import text_format
from brokerless.exports.sources.chunks import Chunk
from brokerless.exports.sources.portable import PortableSource
from brokerless.exports.sources.sql import Sql
from brokerless.exports.sources.sqlite_values import StoredColumn
from brokerless.exports.sources.unsuitable import encoded

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from brokerless.exports.formats.layout import Layout
    from brokerless.exports.planning import Plan

# Rows that are in memory at once: few, so that they stay in the processor's cache, a fifth faster than 2,000.
CHUNK_ROWS = 400
# What a converter, or the driver, makes of a value that is none.
UNSUITABLE = (ArithmeticError, AttributeError, DatabaseError, TypeError, UnsuitableValue, ValueError)


def sqlite_source(plan: Plan, layout: Layout) -> SqliteSource | None:
    """Return the source of a plan; None where a callable needs instances, or nothing is to be read."""
    if plan.has_callables:
        return None
    aliases = [column.alias for column in plan.columns]
    compiler = plan.queryset.values_list(*aliases).query.get_compiler(plan.queryset.db)
    try:
        rows = Sql(*compiler.as_sql())
    except EmptyResultSet:
        return None
    expressions = {alias: expression for expression, _sql, alias in compiler.select}
    columns = [StoredColumn(column, compiler, expressions[column.alias]) for column in plan.columns]
    selected = ", ".join(column.sql for column in columns)
    statement = Sql(f'SELECT {selected} FROM ({rows.text}) AS "rows"', rows.parameters)  # noqa: S608 - by Django
    return SqliteSource(plan, layout, statement, columns)


class SqliteSource:
    """The lines of a file, made of what SQLite has."""

    def __init__(self, plan: Plan, layout: Layout, statement: Sql, columns: Sequence[StoredColumn]) -> None:
        self._plan = plan
        self._layout = layout
        self._statement = statement
        self._columns = columns

    def chunks(self) -> Generator[Chunk]:
        """Yield the lines. Raises what the portable source would."""
        connection = connections[self._plan.queryset.db]
        with closing(connection.cursor()) as cursor:
            cursor.execute(self._statement.text, self._statement.parameters)
            fetch = cursor.fetchmany
            planned = [column.planned for column in self._columns]
            render = text_format(self._layout).renderer(planned, self._layout)
            done = 0
            while True:
                try:
                    rows = fetch(CHUNK_ROWS)
                    values = self._values(rows)
                    data = encoded(render(values), planned, values, done) if rows else b""
                except UNSUITABLE:
                    self._explain()
                    raise
                if not rows:
                    return
                yield Chunk(data, len(rows))
                done += len(rows)

    def _values(self, rows: Sequence[tuple]) -> list[Sequence]:
        found = zip(*rows, strict=True)
        return [column.read(values) for column, values in zip(self._columns, found, strict=False)]  # none: no rows

    def _explain(self) -> None:
        """Raise the error that the portable source finds, with its place, if there is one."""
        for _chunk in PortableSource(self._plan, self._layout).chunks():
            pass
