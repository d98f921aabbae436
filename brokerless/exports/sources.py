"""Row sources: where the rows of an export come from, each a way to the same uncompressed bytes."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

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
        """Render column by column: a call of `map` each costs a fraction of a loop over the rows."""
        values = zip(*block, strict=True)
        columns = [_render(render, column) for render, column in zip(self._renderers, values, strict=True)]
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


def _render(render: Callable[[Any], Any] | None, values: Sequence[Any]) -> Sequence[Any]:
    return values if render is None else list(map(render, values))
