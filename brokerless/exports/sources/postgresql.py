"""Rows from PostgreSQL by COPY: the server writes the lines, and Python only passes them on."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db import DataError, connections, transaction

from brokerless.exports.formats.layout import JSONL, Layout
from brokerless.exports.kinds import Kind
from brokerless.exports.planning import Plan, kind_of
from brokerless.exports.sources.chunks import Chunk
from brokerless.exports.sources.postgresql_lines import copy_statement
from brokerless.exports.sources.postgresql_text import MARKER, TextColumn
from brokerless.exports.sources.postgresql_zone import current_zone
from brokerless.exports.sources.sql import Rows, Sql, rows_of
from brokerless.exports.sources.unsuitable import out_of_range

if TYPE_CHECKING:
    from collections.abc import Generator

    from django.db.backends.base.base import BaseDatabaseWrapper


# Rows that are passed on at once: so few that libpq's memory for them is used again and again, which is a third
# faster than with 2,000.
CHUNK_ROWS = 100
TEMPORAL = {Kind.DATE, Kind.MOMENT, Kind.TIME}
MARKED = re.compile(rf"{MARKER}(\d+):(.*?)\"?$", re.MULTILINE)


def postgresql_source(plan: Plan, layout: Layout, *, may_be_flat: bool = True) -> PostgresqlSource | None:
    """Return the source of a plan; None if not every column can be had as text, or the driver has no COPY.

    may_be_flat: whether texts may be made before rows are ordered, if that is faster.
    """
    connection = connections[plan.queryset.db]
    if plan.has_callables or connection.Database.__name__ != "psycopg":
        return None
    aliases = [column.alias for column in plan.columns]
    query = plan.queryset.values_list(*aliases).query
    try:
        rows = rows_of(query.get_compiler(plan.queryset.db), may_be_flat=may_be_flat)
    except EmptyResultSet:
        return None
    statement = copy_statement(rows, _text_columns(connection, plan, rows), layout)
    return None if statement is None else PostgresqlSource(plan, layout, statement, is_flat=rows.is_flat)


def explain_out_of_range(plan: Plan) -> None:
    """Raise UnsuitableValue for the first date that Python has none for, if there is one.

    The driver, which is given them by thousands, says neither row nor column.
    """
    columns = [column for column in plan.columns if column.alias and kind_of(column.field) in TEMPORAL]
    if not columns or connections[plan.queryset.db].vendor != "postgresql":
        return
    source = postgresql_source(Plan(plan.queryset, columns), Layout(JSONL))
    if source is not None:
        for _chunk in source.chunks():
            pass


def _text_columns(connection: BaseDatabaseWrapper, plan: Plan, rows: Rows) -> list[TextColumn]:
    """Return the columns with the types that the server says they have, whatever the models say."""
    with connection.cursor() as cursor:
        query, parameters = rows.query.text, rows.query.parameters
        cursor.execute(f'SELECT * FROM ({query}) AS "rows" LIMIT 0', parameters)  # noqa: S608 - by Django
        types = {described.name: described.type_code for described in cursor.description}
    kinds = [kind_of(column.field) for column in plan.columns]
    zone = current_zone(connection) if Kind.MOMENT in kinds else None
    return [
        TextColumn(column, rows.values[column.alias], kind, types[column.alias], place, zone)
        for place, (column, kind) in enumerate(zip(plan.columns, kinds, strict=True))
    ]


class PostgresqlSource:
    """The lines of a file as the server writes them."""

    def __init__(self, plan: Plan, layout: Layout, statement: Sql, *, is_flat: bool) -> None:
        self._plan = plan
        self._layout = layout
        self._statement = statement
        self._is_flat = is_flat
        self._rows = 0

    def chunks(self) -> Generator[Chunk]:
        """Yield the lines. Raises UnsuitableValue for a date that Python has none for."""
        import psycopg

        connection = connections[self._plan.queryset.db]
        try:
            # A savepoint, from which the database can be asked why the statement failed; and a cursor that puts
            # the statement together itself: COPY takes no parameters of the server's.
            with (
                transaction.atomic(using=connection.alias),
                connection.wrap_database_errors,
                closing(psycopg.ClientCursor(connection.connection)) as cursor,
            ):
                yield from self._copied(cursor)
        except DataError as error:
            self._explain(error)
            raise

    def _copied(self, cursor: Any) -> Generator[Chunk]:
        with cursor.copy(self._statement.text, self._statement.parameters) as copy:
            read = copy.read
            while True:
                lines = []
                for _number in range(CHUNK_ROWS):
                    line = read()  # one row, as COPY sends them
                    if not line:
                        break
                    lines.append(line)
                    self._rows += 1
                if not lines:
                    return
                yield Chunk(b"".join(lines), len(lines))

    def _explain(self, error: Exception) -> None:
        """Raise UnsuitableValue for the value that made the statement fail, if one did."""
        found = MARKED.search(str(error).splitlines()[0])
        if found is None:
            return
        if self._is_flat:  # the value may be of any row
            for _chunk in postgresql_source(self._plan, self._layout, may_be_flat=False).chunks():
                pass
        column = self._plan.columns[int(found[1])]
        raise out_of_range(found[2], column.header, row=self._rows + 1) from error
