"""JSON Lines: an object for each row, typed as far as JSON goes."""

from __future__ import annotations

from decimal import Decimal
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from brokerless.exports.kinds import Kind
from brokerless.exports.rendering import RENDERERS, any_text, has_its_types, json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.formats.layout import Layout

NULL = "null"
# Written without quotes. JSON has neither NaN nor infinity; those are texts, as PostgreSQL has it too.
BARE = {Kind.INTEGER, Kind.BOOLEAN, Kind.DIGITS}
NUMBERS = {Kind.DECIMAL, Kind.FLOAT}
NO_NUMBERS = {"NaN", "sNaN", "-NaN", "-sNaN", "Infinity", "-Infinity"}


def header(_columns: Sequence[PlannedColumn], _layout: Layout) -> str:
    """Return nothing: each line names its values itself."""
    return ""


def line_parts(columns: Sequence[PlannedColumn]) -> list[str]:
    """Return what stands before each value of a line."""
    names = [encode_basestring(column.name) for column in columns]
    return [f"{',' if place else '{'}{name}:" for place, name in enumerate(names)]


def renderer(columns: Sequence[PlannedColumn], _layout: Layout) -> Callable[[Sequence[Sequence]], str]:
    """Return what makes the lines of a block, given column by column."""
    pattern = "".join(f"{part.replace('%', '%%')}%s" for part in line_parts(columns)) + "}\n"

    def rendered(block: Sequence[Sequence]) -> str:
        values = [_values(column, found) for column, found in zip(columns, block, strict=True)]
        return "".join(map(pattern.__mod__, zip(*values, strict=True)))

    return rendered


def _values(column: PlannedColumn, values: Sequence[Any]) -> list[str]:
    """Return the values of one column as JSON."""
    kind = column.kind
    render = _any_value if not has_its_types(kind, values) else _renderer(kind)
    return [NULL if value is None else render(value) for value in values]


def _renderer(kind: Kind) -> Callable[[Any], str]:
    render = RENDERERS[kind]
    if kind in {Kind.TEXT, Kind.WORD}:
        return encode_basestring
    if kind in BARE:
        return render
    if kind in NUMBERS:
        return lambda value: number(render(value))
    return lambda value: f'"{render(value)}"'


def number(text: str) -> str:
    return f'"{text}"' if text in NO_NUMBERS else text


def _any_value(value: Any) -> str:
    """Return a value by its type, those with parts as they are."""
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    if isinstance(value, bool):
        return RENDERERS[Kind.BOOLEAN](value)
    text = any_text(value)
    return number(text) if isinstance(value, int | float | Decimal) else encode_basestring(text)
