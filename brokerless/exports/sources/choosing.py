"""Row sources: where the rows of an export come from, each a way to the same uncompressed bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.db import connections

from brokerless.exports.sources.portable import PortableSource
from brokerless.exports.sources.postgresql import postgresql_source
from brokerless.exports.sources.sqlite import sqlite_source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from brokerless.exports.formats.layout import Layout
    from brokerless.exports.planning import Plan
    from brokerless.exports.sources.chunks import Chunk


class TextSource(Protocol):
    """Yields the lines of a format made of text, without its header."""

    def chunks(self) -> Generator[Chunk]: ...


# By the database's vendor; each gives no source where it could not give the very same bytes.
FAST_SOURCES: dict[str, Callable[[Plan, Layout], TextSource | None]] = {
    "postgresql": postgresql_source,
    "sqlite": sqlite_source,
}


def choose_source(plan: Plan, layout: Layout) -> TextSource:
    """Return the fastest source that can yield these columns of this queryset."""
    fast = FAST_SOURCES.get(connections[plan.queryset.db].vendor)
    found = fast(plan, layout) if fast is not None else None
    return found or PortableSource(plan, layout)
