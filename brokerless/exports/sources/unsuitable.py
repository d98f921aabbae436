"""Values that no file can hold, or that Python has no type for: said with their place, alike from every source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from brokerless.exports.exceptions import OutputError, UnsuitableValue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brokerless.exports.columns import PlannedColumn

NUL = "\0"
NUL_IN_JSON = "\\u0000"
SHOWN = 60  # characters of a value in an error's text


def encoded(text: str, columns: Sequence[PlannedColumn], block: Sequence[Sequence], done: int) -> bytes:
    """Return lines as UTF-8. Raises UnsuitableValue for the first text of a block that no text file holds.

    block: column by column.
    """
    if NUL in text or NUL_IN_JSON in text:
        _check_texts(columns, [*zip(*block, strict=True)], done)
    try:
        return text.encode()
    except UnicodeEncodeError:
        _check_texts(columns, [*zip(*block, strict=True)], done)
        raise


def _check_texts(columns: Sequence[PlannedColumn], block: Sequence[tuple], done: int) -> None:
    for place, row in enumerate(block):
        for column, value in zip(columns, row, strict=True):
            reason = _wrong_with(value if isinstance(value, str) else str(value))
            if reason:
                raise UnsuitableValue(reason, column=column.header, row=done + place + 1)


def _wrong_with(text: str) -> str:
    if NUL in text:
        return _("a text with a NUL character, which no text file can hold. Remove it, or leave the column out.")
    try:
        text.encode()
    except UnicodeEncodeError:
        return _("a text with half of a character, which no file can hold. Correct it, or leave the column out.")
    return ""


def unsuitable(
    column: PlannedColumn, values: Sequence[Any], convert: Callable[[Any], Any], done: int
) -> UnsuitableValue:
    """Return the error of the first value that cannot be converted."""
    place, value = next(pair for pair in enumerate(values) if not _can_be_converted(pair[1], convert))
    reason = _("%(value)s cannot be shown as the column is to show it. Correct it, or leave the column out.")
    return UnsuitableValue(reason % {"value": shortened(value)}, column=column.header, row=done + place + 1)


def unreadable(error: Exception) -> OutputError:
    """Return the error of rows that the database cannot give, or gives as nothing that Django takes."""
    reason = str(error).strip() or type(error).__name__
    return OutputError(_("The database could not give the rows: %(reason)s") % {"reason": reason})


def out_of_range(value: str, column: str, *, row: int) -> UnsuitableValue:
    """Return the error of a date, a moment or a time that Python has none for."""
    reason = _(
        "%(value)s is outside of what can be exported: years from 1 to 9999, times before 24:00. "
        "Correct it, or filter it out."
    )
    return UnsuitableValue(reason % {"value": shortened(value)}, column=column, row=row)


def _can_be_converted(value: Any, convert: Callable[[Any], Any]) -> bool:
    try:
        return value is None or convert(value) is not None
    except (ArithmeticError, ValueError, TypeError, AttributeError):
        return False


def shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
