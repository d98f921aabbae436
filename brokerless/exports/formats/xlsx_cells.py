"""The cells of a sheet: each value as the XML that follows its reference, or nothing for NULL.

A text is an inline string, which no program takes for a formula or a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _

from brokerless.exports.kinds import Kind
from brokerless.exports.rendering import RENDERERS

if TYPE_CHECKING:
    from decimal import Decimal

Cell = Callable[[Any], str]

# Excel's specifications and limits; a character outside of the Basic Multilingual Plane counts as two.
MOST_CHARACTERS = 32_767
# Excel keeps no more digits of a number; the rest would become zeros.
MOST_DIGITS = 15
MOST_POWER = 307  # of ten
LARGEST_FLOAT = 9.99999999999999e307
# Excel believes in a 29th of February 1900: what its earlier numbers mean, programs do not agree on.
FIRST_DAY = date(1900, 3, 1)
DAY_ZERO = date(1899, 12, 30).toordinal()
SECONDS_OF_A_DAY = 86_400

NUL = "\0"
# What cannot stand in XML as it is, and what Excel would take for such: ECMA-376 part 1, §22.9.2.19 (ST_Xstring).
UNWRITABLE = re.compile("[\x01-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
NOT_PLAIN = re.compile("[\x00-\x08\x0a-\x1f&<>\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_|^\\s|\\s\\Z|  ")


class UnsuitableCell(ValueError):  # noqa: N818
    """A value that a sheet cannot hold, with what is wrong and the remedy; whoever catches it knows the row."""


def text_cell(text: str, *, style: int = 0) -> str:
    """Return a text's cell. Raises UnsuitableCell when it is too long, or no text that can be written."""
    # No text of half that length can be too long, and hardly one is longer.
    if len(text) > MOST_CHARACTERS // 2:
        _check_length(text)
    styled = f' s="{style}"' if style else ""
    if NOT_PLAIN.search(text) is None:
        return f'{styled} t="inlineStr"><is><t>{text}</t></is></c>'
    return f'{styled} t="inlineStr"><is><t xml:space="preserve">{_written(text)}</t></is></c>'


def _check_length(text: str) -> None:
    length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if length > MOST_CHARACTERS:
        raise UnsuitableCell(
            _(
                "a text of %(length)s characters; a cell holds at most %(most)s. "
                "Leave the column out, or choose another format."
            )
            % {"length": f"{length:,}", "most": f"{MOST_CHARACTERS:,}"}
        )


def _written(text: str) -> str:
    if NUL in text:
        raise UnsuitableCell(
            _("a text with a NUL character, which no text file can hold. Remove it, or leave the column out.")
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        reason = _("a text with half of a character, which no file can hold. Correct it, or leave the column out.")
        raise UnsuitableCell(reason) from None
    return escape(UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text))


def number_cell(style: int) -> tuple[str, str]:
    """Return what stands before and after a number."""
    return (f' s="{style}"><v>' if style else "><v>"), "</v></c>"


def integers(style: int) -> Cell:
    before, after = number_cell(style)
    limit = 10**MOST_DIGITS

    def cell(value: int) -> str:
        return f"{before}{value}{after}" if -limit < value < limit else text_cell(str(value))

    return cell


def decimals(style: int) -> Cell:
    before, after = number_cell(style)

    def cell(value: Decimal) -> str:
        text = f"{value:f}"
        digits = text.strip("-0.").replace(".", "")
        is_number = len(digits) <= MOST_DIGITS and value.is_finite() and abs(value.adjusted()) < MOST_POWER
        return f"{before}{text}{after}" if is_number else text_cell(text)

    return cell


def floats(style: int) -> Cell:
    before, after = number_cell(style)

    def cell(value: float) -> str:
        # Neither NaN nor infinity is a number in a sheet.
        is_number = -LARGEST_FLOAT <= value <= LARGEST_FLOAT
        return f"{before}{value!r}{after}" if is_number else text_cell(RENDERERS[Kind.FLOAT](value))

    return cell


def booleans(_style: int) -> Cell:
    cells = {True: ' t="b"><v>1</v></c>', False: ' t="b"><v>0</v></c>'}
    return cells.__getitem__


def dates(style: int) -> Cell:
    before, after = number_cell(style)

    def cell(value: date) -> str:
        if value < FIRST_DAY:
            return text_cell(value.isoformat())
        return f"{before}{value.toordinal() - DAY_ZERO}{after}"

    return cell


def moments(style: int) -> Cell:
    before, after = number_cell(style)

    def cell(value: datetime) -> str:
        if value.date() < FIRST_DAY:
            return text_cell(value.isoformat())
        # On the clock of its own zone: a sheet knows none.
        return f"{before}{value.toordinal() - DAY_ZERO + _part_of_day(value)!r}{after}"

    return cell


def times(style: int) -> Cell:
    before, after = number_cell(style)
    return lambda value: f"{before}{_part_of_day(value)!r}{after}"


def _part_of_day(value: datetime | time) -> float:
    seconds = value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1_000_000
    return seconds / SECONDS_OF_A_DAY


CELLS: dict[Kind, Callable[[int], Cell]] = {
    Kind.INTEGER: integers,
    Kind.DECIMAL: decimals,
    Kind.FLOAT: floats,
    Kind.BOOLEAN: booleans,
    Kind.DATE: dates,
    Kind.MOMENT: moments,
    Kind.TIME: times,
}
