"""The sheet of a workbook: its rows as XML."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from brokerless.exports.exceptions import OutputError, UnsuitableValue
from brokerless.exports.formats.layout import FORMATS, XLSX
from brokerless.exports.formats.xlsx_cells import UnsuitableCell, text_cell
from brokerless.exports.formats.xlsx_parts import HEADER, SHEET_END, sheet_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from brokerless.exports.formats.xlsx_cells import Cell
    from brokerless.exports.formats.xlsx_columns import SheetColumns

MOST_ROWS = FORMATS[XLSX].most_rows
# What an archive holds without the extension that some readers do not understand in a stream; and a little less,
# as the sheet's two ends are not counted.
MOST_BYTES = zipfile.ZIP64_LIMIT - 1_000_000
SHOWN = 60  # characters of a header in an error's text


class Sheet:
    """The rows of a sheet as XML, a piece for each block."""

    def __init__(self, columns: SheetColumns) -> None:
        self._columns = columns
        self._letters = [letters(place) for place in range(len(columns.headers))]
        self._rows = 0
        self._bytes = 0

    def pieces(self, blocks: Iterable[Sequence[tuple]]) -> Iterator[bytes]:
        """Yield the part piece by piece. Raises UnsuitableValue and OutputError."""
        yield sheet_start(self._columns.widths).encode()
        header = map(self._header_cell, self._letters, self._columns.headers)
        yield f'<row r="1">{"".join(header)}</row>'.encode()
        for block in blocks:
            if block:
                yield self._piece(block)
        yield SHEET_END.encode()

    def _piece(self, block: Sequence[tuple]) -> bytes:
        first = self._rows + 2  # numbered from 1, and the header has that
        self._rows += len(block)
        check_rows(self._rows)
        numbers = range(first, first + len(block))
        columns = [self._column(place, values, numbers) for place, values in enumerate(zip(*block, strict=True))]
        rows = [
            f'<row r="{number}">{"".join(cells)}</row>'
            for number, cells in zip(numbers, zip(*columns, strict=True), strict=True)
        ]
        piece = "".join(rows).encode()
        self._check_size(len(piece))
        return piece

    def _column(self, place: int, values: tuple, numbers: range) -> list[str]:
        """Return a column's cells; whole columns at a time, as a call for each value costs more than its XML."""
        cell, start = self._columns.cell(place, values), f'<c r="{self._letters[place]}'
        try:
            return [
                "" if value is None else f'{start}{number}"{cell(value)}'
                for value, number in zip(values, numbers, strict=True)
            ]
        except UnsuitableCell as error:
            row = next(row for row, value in enumerate(values) if _is_unsuitable(cell, value))
            raise UnsuitableValue(str(error), row=numbers[row] - 1, column=self._columns.headers[place]) from None

    def _header_cell(self, reference: str, header: str) -> str:
        try:
            return f'<c r="{reference}1"{text_cell(self._columns.guarded(header), style=HEADER)}'
        except UnsuitableCell as error:
            raise UnsuitableValue(str(error), column=f"{header[:SHOWN]}…") from None

    def _check_size(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise OutputError(
                _("The sheet would be larger than a workbook can be. Choose fewer columns or rows, or CSV.")
            )


def _is_unsuitable(cell: Cell, value: Any) -> bool:
    try:
        if value is not None:
            cell(value)
    except UnsuitableCell:
        return True
    return False


def letters(place: int) -> str:
    """Return a column's letters: A for the place 0, AA for 26."""
    text = ""
    while place >= 0:
        text = chr(ord("A") + place % 26) + text
        place = place // 26 - 1
    return text


def check_rows(rows: int) -> None:
    """Raise OutputError for more rows than a sheet holds beside the header."""
    if rows > MOST_ROWS:
        raise OutputError(
            _(
                "A sheet holds %(most)s rows at most, and these are at least %(rows)s. "
                "Narrow the rows down by filters, or choose CSV."
            )
            % {"most": f"{MOST_ROWS:,}", "rows": f"{rows:,}"}
        )
