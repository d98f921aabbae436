"""Row sources: where the rows of an export come from, each a way to the same uncompressed bytes."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from django.db.models import QuerySet

    from brokerless.exports.columns import Column

# Rows that are in memory at once; more gain nothing measurable.
BLOCK_ROWS = 2000


class RowSource(Protocol):
    """Yields the rows of a queryset in blocks, every value ready for the writer."""

    def blocks(self) -> Generator[list[Sequence[Any]]]: ...


class PortableSource:
    """Rows through the ORM, on any database: values without model instances, one statement, flat memory."""

    def __init__(self, queryset: QuerySet, columns: Sequence[Column]) -> None:
        self._queryset = queryset
        self._paths = [column.path for column in columns]
        self._renderers = [column.renderer(queryset.model) for column in columns]

    def blocks(self) -> Generator[list[Sequence[Any]]]:
        with closing(self._queryset.values_list(*self._paths).iterator(chunk_size=BLOCK_ROWS)) as rows:
            while block := list(islice(rows, BLOCK_ROWS)):
                yield self._rendered(block)

    def _rendered(self, block: list[tuple]) -> list[Sequence[Any]]:
        columns = [
            values if render is None else render(values)
            for render, values in zip(self._renderers, zip(*block, strict=True), strict=True)
        ]
        return list(zip(*columns, strict=True))


def choose_source(queryset: QuerySet, columns: Sequence[Column]) -> RowSource:
    """Return the fastest source that can yield these columns of this queryset."""
    return PortableSource(queryset, columns)


def one_moment(queryset: QuerySet) -> AbstractContextManager:
    """Return the context in which a queryset is streamed.

    On PostgreSQL a transaction, without which a server-side cursor would first copy its whole result. Not on
    SQLite: its statement sees one moment by itself, and a transaction of mode IMMEDIATE, which is the right
    one for a site, would keep every other writer out.
    """
    if connections[queryset.db].vendor == "sqlite":
        return nullcontext()
    return transaction.atomic(using=queryset.db)
