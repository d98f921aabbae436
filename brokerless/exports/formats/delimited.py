"""CSV and TSV: UTF-8, a header, quotes where they are needed, lines ended by LF.

LF and not RFC 4180's CRLF, as databases write it: every row source gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.guard import FORMULA_STARTS, guarded, guarded_texts
from brokerless.exports.formats.layout import TSV
from brokerless.exports.kinds import TEXTS, Kind
from brokerless.exports.rendering import RENDERERS, any_text, has_its_types, is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.formats.layout import Layout

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
TAB = "\t"
QUOTE = '"'
# What quotes and ends lines cannot also part cells.
NO_DELIMITERS = '"\r\n\0'
WRITTEN_AS_THEY_ARE = {*TEXTS, Kind.DIGITS, Kind.INTEGER}
INTEGER_CHARACTERS = "-0123456789"
INTEGERS = {int, type(None)}
FORMULA_BEHIND_LINE = re.compile(f"\n[{re.escape(FORMULA_STARTS)}]")


def delimiter_of(layout: Layout) -> str:
    """Return what parts the cells. Raises OutputError for what cannot."""
    if layout.format == TSV:
        return TAB
    if len(layout.delimiter) != 1 or layout.delimiter in NO_DELIMITERS or _is_surrogate(layout.delimiter):
        raise OutputError(
            _("%(delimiter)r cannot part the cells of a line. Choose one character, such as , or ; or |.")
            % {"delimiter": layout.delimiter}
        )
    return layout.delimiter


def _is_surrogate(character: str) -> bool:
    """Tell whether it is half of a character, which UTF-8 does not have."""
    return "\ud800" <= character <= "\udfff"


def header(columns: Sequence[PlannedColumn], layout: Layout) -> str:
    """Return the first line, with a byte order mark if the layout has one."""
    names = [guarded(column.header) if layout.is_guarded else column.header for column in columns]
    return (BOM if layout.bom else "") + lines([names], delimiter_of(layout))


def renderer(columns: Sequence[PlannedColumn], layout: Layout) -> Callable[[Sequence[Sequence]], str]:
    """Return what makes the lines of a block, given column by column."""
    delimiter = delimiter_of(layout)
    is_guarded = layout.is_guarded
    pattern = delimiter.replace("%", "%%").join(["%s"] * len(columns)) + "\n"

    def rendered(block: Sequence[Sequence]) -> str:
        pairs = list(zip(columns, block, strict=True))
        if len(pairs) == 1:  # an empty one is in quotes, as a line of nothing is no row
            return lines(zip(*(_cells(*pair, is_guarded) for pair in pairs), strict=True), delimiter)
        cells = [_written(column, values, is_guarded, delimiter) for column, values in pairs]
        return "".join(map(pattern.__mod__, zip(*cells, strict=True)))

    return rendered


# Whole columns at a time: a call for each of a million values costs more than the text itself.


def _written(column: PlannedColumn, values: Sequence[Any], is_guarded: bool, delimiter: str) -> Sequence[Any]:
    """Return the cells of one column as they stand in the lines."""
    if column.kind in TEXTS and _is_harmless(values, is_guarded, delimiter):
        return values
    return _quoted(_cells(column, values, is_guarded), delimiter)


def _is_harmless(values: Sequence[Any], is_guarded: bool, delimiter: str) -> bool:
    """Tell whether a column is of texts alone, none of which needs quotes or begins like a formula.

    By one look at them all: of most columns this is true, and a look at each text costs three times as much.
    """
    try:
        whole = "\n".join(values)
    except TypeError:  # not only texts
        return False
    if delimiter in whole or QUOTE in whole or "\r" in whole or whole.count("\n") != len(values) - 1:
        return False
    return not is_guarded or not (whole.startswith(tuple(FORMULA_STARTS)) or FORMULA_BEHIND_LINE.search(whole))


def _cells(column: PlannedColumn, values: Sequence[Any], is_guarded: bool) -> Sequence[Any]:
    """Return the cells of one column, None for one without a text."""
    kind = column.kind
    if not has_its_types(kind, values):
        cells = [None if value is None else _any_cell(value, is_guarded) for value in values]
    elif kind in TEXTS and is_guarded:
        cells = guarded_texts(values)
    elif kind in WRITTEN_AS_THEY_ARE:
        cells = values
    else:
        render = RENDERERS[kind]
        cells = [None if value is None else render(value) for value in values]
    if not column.null:
        return cells
    null = guarded(column.null) if is_guarded else column.null
    return [null if cell is None else cell for cell in cells]


def _any_cell(value: Any, is_guarded: bool) -> str:
    text = any_text(value)
    return guarded(text) if is_guarded and is_text(value) else text


def _quoted(cells: Sequence[Any], delimiter: str) -> Sequence[Any]:
    """Return cells as csv writes them, twice as fast: a column is looked through at once for what needs quotes."""
    if set(map(type, cells)) <= INTEGERS and delimiter not in INTEGER_CHARACTERS:
        return cells if None not in cells else ["" if cell is None else cell for cell in cells]
    if not set(map(type, cells)) <= {str}:
        cells = ["" if cell is None else str(cell) for cell in cells]
    whole = "".join(cells)
    if QUOTE in whole or "\n" in whole or "\r" in whole:
        return [
            f'"{cell.replace(QUOTE, QUOTE * 2)}"'
            if delimiter in cell or QUOTE in cell or "\n" in cell or "\r" in cell
            else cell
            for cell in cells
        ]
    return [f'"{cell}"' if delimiter in cell else cell for cell in cells] if delimiter in whole else cells


def lines(rows: Any, delimiter: str) -> str:
    """Return rows of cells as lines of CSV."""
    rows = list(rows)
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    found = text.getvalue()
    # Before Python 3.13 the module leaves a CR unquoted unless it ends lines; then no reader takes the cell back.
    return "".join(_line(row, delimiter) for row in rows) if "\r" in found else found


def _line(row: Sequence[Any], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(row)
    return text.getvalue().removesuffix("\r\n") + "\n"
