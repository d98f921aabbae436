"""The columns of a sheet: the cells and the number format that follow from a column's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerless.exports.formats.guard import guarded
from brokerless.exports.formats.xlsx_cells import CELLS, text_cell
from brokerless.exports.formats.xlsx_parts import FIRST_OF_COLUMNS, GENERAL
from brokerless.exports.kinds import TEXTS, Kind
from brokerless.exports.rendering import TYPES, any_text, has_its_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.formats.xlsx_cells import Cell

NUMBER_FORMATS = {Kind.DATE: "yyyy-mm-dd", Kind.MOMENT: "yyyy-mm-dd hh:mm:ss", Kind.TIME: "hh:mm:ss"}
# Both kinds of text have one type; what comes of a callable is from anybody.
KINDS_BY_TYPE = {found: kind for kind, found in TYPES.items() if kind is not Kind.WORD}
WIDTHS = {Kind.MOMENT: 20, Kind.DATE: 12, Kind.TIME: 10, Kind.TEXT: 24, Kind.WORD: 16, Kind.ANY: 20}  # characters
USUAL_WIDTH, MOST_WIDTH = 12, 60
MOST_PLACES = 30  # that Excel shows after the point


class SheetColumns:
    """What makes the cells of each column. number_formats: those that the style sheet has to declare."""

    def __init__(self, columns: Sequence[PlannedColumn], *, is_guarded: bool) -> None:
        self.number_formats = list(NUMBER_FORMATS.values())
        self.headers = [column.header for column in columns]
        self.widths = [_width(column) for column in columns]
        self.guarded = guarded if is_guarded else str
        self._kinds = [column.kind for column in columns]
        self._any_cell = self._by_type()
        self._cells = [self._cell(column.kind, _places_format(column)) for column in columns]

    def cell(self, place: int, values: Sequence[Any]) -> Cell:
        """Return what makes the cells of these values, each by its own type if they are of several."""
        return self._cells[place] if has_its_types(self._kinds[place], values) else self._any_cell

    def _cell(self, kind: Kind, number_format: str = "") -> Cell:
        if kind is Kind.ANY:
            return self._any_cell
        if kind in TEXTS:
            return lambda text: text_cell(self.guarded(text))
        return CELLS[kind](self._style(number_format or NUMBER_FORMATS.get(kind, "")))

    def _by_type(self) -> Cell:
        cells = {found: self._cell(kind) for found, kind in KINDS_BY_TYPE.items()}

        def cell(value: Any) -> str:
            known = cells.get(type(value))
            return text_cell(self.guarded(any_text(value))) if known is None else known(value)

        return cell

    def _style(self, number_format: str) -> int:
        if not number_format:
            return GENERAL
        if number_format not in self.number_formats:
            self.number_formats.append(number_format)
        return FIRST_OF_COLUMNS + self.number_formats.index(number_format)


def _places_format(column: PlannedColumn) -> str:
    """Return the number format that shows a decimal's zeros at the end too."""
    places = column.decimal_places if column.kind is Kind.DECIMAL else None
    return f"0.{'0' * min(places, MOST_PLACES)}" if places else ""


def _width(column: PlannedColumn) -> int:
    return min(max(WIDTHS.get(column.kind, USUAL_WIDTH), len(column.header) + 2), MOST_WIDTH)
