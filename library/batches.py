"""Many rows in few transactions."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")

# Rows written in one transaction: a few tens of milliseconds, in which SQLite lets nobody else write.
BATCH_SIZE = 1000


def in_batches(items: Iterable[Item], *, size: int = BATCH_SIZE) -> Iterator[list[Item]]:
    """Yield the items in lists of `size`, the last one shorter (itertools.batched, new in Python 3.12)."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
