"""Rows through the ORM, on any database: one statement, flat memory; the only way to call a callable."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import DataError

from brokerless.exports.formats import text_format
from brokerless.exports.sources.chunks import Chunk
from brokerless.exports.sources.postgresql import explain_out_of_range
from brokerless.exports.sources.unsuitable import encoded, unreadable, unsuitable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from django.db.models import QuerySet

    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.formats.layout import Layout
    from brokerless.exports.planning import Plan

# Rows that are in memory at once: few, so that they stay in the processor's cache, a fifth faster than 2,000.
BLOCK_ROWS = 500


class PortableSource:
    """The rows of a planned queryset as values: of instances where a callable needs them, else without."""

    def __init__(self, plan: Plan, layout: Layout) -> None:
        self._plan = plan
        self._layout = layout

    def chunks(self) -> Generator[Chunk]:
        """Yield the lines of a format made of text."""
        render = text_format(self._layout).renderer(self._plan.columns, self._layout)
        rows = 0
        with closing(self.blocks()) as blocks:
            for block in blocks:
                values = [*zip(*block, strict=True)]
                yield Chunk(encoded(render(values), self._plan.columns, values, rows), len(block))
                rows += len(block)

    def blocks(self) -> Generator[list[tuple]]:
        """Yield the rows as Python values of their columns' kinds. Raises UnsuitableValue."""
        converted = _conversion(self._plan.columns)
        done = 0
        read = self._of_instances if self._plan.has_callables else self._of_values
        with closing(read()) as rows:
            while block := list(islice(rows, BLOCK_ROWS)):
                yield converted(block, done)
                done += len(block)

    def _of_values(self) -> Generator[tuple]:
        aliases = [column.alias for column in self._plan.columns]
        return self._read(self._plan.queryset.values_list(*aliases))

    def _of_instances(self) -> Generator[tuple]:
        queryset = self._plan.queryset
        for column in self._plan.columns:
            if column.declared.select_related:
                queryset = queryset.select_related(*column.declared.select_related)
            queryset = queryset.prefetch_related(*column.declared.prefetch)
        readers = [_reader(column) for column in self._plan.columns]
        with closing(self._read(queryset)) as instances:
            for instance in instances:
                yield tuple([read(instance) for read in readers])

    def _read(self, queryset: QuerySet) -> Generator[Any]:
        """Yield what the queryset gives. Raises OutputError for what Django makes no value of."""
        with closing(queryset.iterator(chunk_size=BLOCK_ROWS)) as found:
            try:
                yield from found
            except DataError as error:
                explain_out_of_range(self._plan)
                raise unreadable(error) from error
            except (ValueError, TypeError, ArithmeticError) as error:  # of a converter
                raise unreadable(error) from error


def _reader(column: PlannedColumn) -> Callable[[Any], Any]:
    """Return what reads a column of an instance."""
    alias = column.alias
    return (lambda instance: getattr(instance, alias)) if alias else column.declared.value


def _conversion(columns: Sequence[PlannedColumn]) -> Callable[[list[tuple], int], list[tuple]]:
    """Return what converts a block, of which so many rows came before."""
    if all(column.convert is None for column in columns):
        return lambda block, _done: block

    def converted(block: list[tuple], done: int) -> list[tuple]:
        pairs = zip(columns, zip(*block, strict=True), strict=True)
        return [*zip(*(_converted(column, values, done) for column, values in pairs), strict=True)]

    return converted


def _converted(column: PlannedColumn, values: Sequence[Any], done: int) -> Sequence[Any]:
    convert = column.convert
    if convert is None:
        return values
    try:
        return [None if value is None else convert(value) for value in values]
    except (ArithmeticError, ValueError, TypeError, AttributeError) as error:
        raise unsuitable(column, values, convert, done) from error
