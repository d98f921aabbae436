"""Parquet, by pyarrow: typed columns in groups of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from brokerless.exports.exceptions import OutputError, UnsuitableValue
from brokerless.exports.formats.drain import Drain
from brokerless.exports.formats.layout import PARQUET
from brokerless.exports.formats.libraries import is_installed, remedy
from brokerless.exports.formats.parquet_types import arrow_type, check_types, prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.formats.layout import Layout

# A group is in memory at once, so that each of its columns can be written in one go; longer texts make it shorter.
GROUP_ROWS = 16_384
GROUP_BYTES = 16_000_000
SHOWN = 60  # characters of a value in an error's text
# What Arrow raises for a value that a type cannot hold; its own errors are ValueErrors and TypeErrors.
UNSUITABLE = (ValueError, TypeError, OverflowError)
COMPRESSION = "snappy"  # what every reader understands


def encode(
    columns: Sequence[PlannedColumn], blocks: Iterable[Sequence[tuple]], _layout: Layout
) -> Iterator[bytes]:
    """Yield a Parquet file piece by piece, whose columns have the names that users ask for them by.

    Raises UnsuitableValue for a value that its column's type cannot hold, OutputError without pyarrow.
    """
    check_library()
    from pyarrow import parquet, system_memory_pool

    batches = Batches(columns)
    drain = Drain()
    # The system's pool gives memory back: Arrow's own keeps some 10 MB more of it.
    options = {"compression": COMPRESSION, "memory_pool": system_memory_pool()}
    with parquet.ParquetWriter(drain, batches.schema, **options) as writer:
        for group in _groups(batches.of(blocks)):
            writer.write_table(group, row_group_size=group.num_rows)
            yield drain.take()
    yield drain.take()


def check_library() -> None:
    """Raise OutputError, with the remedy, if pyarrow is not installed."""
    if not is_installed(PARQUET):
        raise OutputError(_("Parquet files need pyarrow: %(remedy)s") % {"remedy": remedy(PARQUET)})


class Batches:
    """Blocks of rows as batches of Arrow's, typed."""

    def __init__(self, columns: Sequence[PlannedColumn]) -> None:
        import pyarrow as pa

        self._columns = columns
        self._pool = pa.system_memory_pool()
        self.schema = pa.schema([(column.name, arrow_type(column)) for column in columns])

    def of(self, blocks: Iterable[Sequence[tuple]]) -> Iterator[pa.RecordBatch]:
        """Yield a batch for each block. Raises UnsuitableValue."""
        import pyarrow as pa

        rows = 0
        for block in filter(None, blocks):
            columns = zip(self._columns, self.schema, zip(*block, strict=True), strict=True)
            arrays = [self._array(column, field.type, values, rows) for column, field, values in columns]
            rows += len(block)
            yield pa.record_batch(arrays, schema=self.schema)

    def _array(self, column: PlannedColumn, kind: pa.DataType, values: tuple, rows: int) -> pa.Array:
        """Return a block's values of a column. Raises UnsuitableValue for the first that does not fit."""
        import pyarrow as pa

        values = prepared(column, values)
        try:
            check_types(column, values)
            return pa.array(values, type=kind, memory_pool=self._pool)
        except UNSUITABLE as error:
            place, value = next(_unsuitable(column, kind, values), (None, error))
            text = _(
                "%(value)s does not fit into the type %(type)s. Leave the column out, or choose another format."
            )
            reason = text % {"value": _shortened(value), "type": kind}
            row = None if place is None else rows + place + 1
            raise UnsuitableValue(reason, row=row, column=column.header) from error


def _unsuitable(column: PlannedColumn, kind: pa.DataType, values: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield the values that the type cannot hold, each with its place."""
    import pyarrow as pa

    for place, value in enumerate(values):
        try:
            check_types(column, [value])
            pa.array([value], type=kind)
        except UNSUITABLE:
            yield place, value


def _shortened(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather batches into groups of about the same size."""
    import pyarrow as pa

    gathered: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        gathered.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield pa.Table.from_batches(gathered)
            gathered, rows, size = [], 0, 0
    if gathered:
        yield pa.Table.from_batches(gathered)
