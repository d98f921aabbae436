"""From the database to the bytes of a file: planned, read in one moment, tracked, formatted, compressed."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import Error
from django.utils.translation import gettext as _

from brokerless import track
from brokerless.exports.compression import gzipped
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats import text_format, typed_format
from brokerless.exports.planning import plan
from brokerless.exports.snapshot import one_moment
from brokerless.exports.sources.choosing import choose_source
from brokerless.exports.sources.portable import PortableSource
from brokerless.exports.sources.unsuitable import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from brokerless.exports.planning import Plan
    from brokerless.exports.sources.chunks import Chunk
    from brokerless.exports.writing import Export

Item = TypeVar("Item")


class RowCount:
    """Counts the rows of what passes."""

    def __init__(self) -> None:
        self.rows = 0

    def over(self, items: Iterable[Item], size: Callable[[Item], int]) -> Iterator[Item]:
        for item in items:
            self.rows += size(item)
            yield item


def file_pieces(export: Export, count: RowCount, *, is_counted: bool) -> Generator[bytes]:
    """Yield an export's file piece by piece. Raises OutputError when its rows cannot be read.

    count: counts them as they come. is_counted: whether a statement counts them before, which progress needs.
    """
    layout = export.layout
    with _said_in_words():
        planned = plan(export.queryset, export.columns)
        with one_moment(export.queryset.db):
            total = export.queryset.count() if is_counted else None
            make = _text_pieces if layout.file_format.is_text else _typed_pieces
            with closing(make(export, planned, count, total)) as found:
                yield from gzipped(found) if layout.is_gzipped else found


def _text_pieces(export: Export, planned: Plan, count: RowCount, total: int | None) -> Generator[bytes]:
    """Yield the lines of a format made of text, from the fastest source that there is."""
    layout = export.layout
    if header := text_format(layout).header(planned.columns, layout):
        yield header.encode()
    with closing(choose_source(planned, layout).chunks()) as chunks:
        for chunk in count.over(_tracked(export, chunks, total, _rows_of_chunk), _rows_of_chunk):
            yield chunk.data


def _typed_pieces(export: Export, planned: Plan, count: RowCount, total: int | None) -> Generator[bytes]:
    """Yield a file made of values."""
    layout = export.layout
    module = typed_format(layout)
    if layout.file_format.most_rows is not None and total is not None:
        module.check_rows(total)  # before work starts, that would be in vain
    with closing(PortableSource(planned, layout).blocks()) as blocks:
        yield from module.encode(planned.columns, count.over(_tracked(export, blocks, total, len), len), layout)


def _rows_of_chunk(chunk: Chunk) -> int:
    return chunk.rows


def _tracked(
    export: Export, items: Iterable[Item], total: int | None, size: Callable[[Item], int]
) -> Iterator[Item]:
    return track(items, total=total, unit=export.unit, size=size, quiet=export.quiet)


@contextmanager
def _said_in_words() -> Iterator[None]:
    """Turn an error of the database, or of a column that is no longer there, into one for people."""
    try:
        yield
    except (FieldDoesNotExist, FieldError) as error:
        raise OutputError(_("A column cannot be read: %(reason)s") % {"reason": error}) from error
    except Error as error:
        raise unreadable(error) from error
