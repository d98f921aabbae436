"""The text of values: one way for every source and every format made of text."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokerless.exports.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Render = Callable[[Any], str]

# Beyond it the shortest texts of Python and PostgreSQL may differ: one may lie between two floats.
EXACT_FLOATS = 2.0**53
MOST_DIGITS = 17  # that a float needs
# The Python types of each kind's values. What is of another is rendered by its own type.
TYPES: dict[Kind, type] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.DECIMAL: Decimal,
    Kind.FLOAT: float,
    Kind.BOOLEAN: bool,
    Kind.DATE: dt.date,
    Kind.MOMENT: dt.datetime,
    Kind.TIME: dt.time,
    Kind.WORD: str,
}
# By which a value's own type says nothing of its kind.
TYPES_OF_KINDS = TYPES | {Kind.DIGITS: str}


def has_its_types(kind: Kind, values: Sequence[Any]) -> bool:
    """Tell whether all values are of the kind's type or None: SQLite stores what it is given."""
    return kind in TYPES_OF_KINDS and set(map(type, values)) <= {TYPES_OF_KINDS[kind], type(None)}


def is_text(value: Any) -> bool:
    """Tell whether a value could be taken for a formula; numbers, dates and moments cannot."""
    return not isinstance(value, bool | int | float | Decimal | dt.date | dt.time)


def float_text(value: float) -> str:
    """Return the shortest text that stands for a float and no other, as Python and PostgreSQL write it."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if math.isnan(value):
        return "NaN"
    return repr(value) if abs(value) < EXACT_FLOATS else _large_float_text(value)


def _large_float_text(value: float) -> str:
    """Return the shortest text nearer to a float than to any other.

    Python also takes one that lies in the very middle of two, if reading it rounds to the float (1e23).
    """
    exact, size = Decimal(value), abs(value)
    lower = (Decimal(size) - Decimal(math.nextafter(size, 0))) / 2
    upper = Decimal(math.ulp(size)) / 2
    for digits in range(MOST_DIGITS):
        text = f"{value:.{digits}e}"
        distance = abs(Decimal(text)) - abs(exact)
        if -lower < distance < upper:
            return _as_python_writes(text)
    return repr(value)


def _as_python_writes(text: str) -> str:
    """Return a number in scientific notation in that of repr(), which has an exponent from 16 digits on."""
    mantissa, exponent = text.split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    if int(exponent) < 16:
        return f"{Decimal(f'{mantissa}e{exponent}'):f}.0"
    return f"{mantissa}e+{int(exponent):02}"


RENDERERS: dict[Kind, Render] = {
    Kind.TEXT: str,
    Kind.INTEGER: str,
    Kind.DECIMAL: "{:f}".format,  # all digits, never an exponent
    Kind.FLOAT: float_text,
    Kind.BOOLEAN: {True: "true", False: "false"}.__getitem__,
    Kind.DATE: dt.date.isoformat,
    Kind.MOMENT: dt.datetime.isoformat,
    Kind.TIME: dt.time.isoformat,
    Kind.WORD: str,
    Kind.DIGITS: str,
}


def any_text(value: Any) -> str:
    """Return the text of a value by its type: of what has parts as JSON, of bytes in base64."""
    if type(value) in RENDER_BY_TYPE:
        return RENDER_BY_TYPE[type(value)](value)
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)


RENDER_BY_TYPE: dict[type, Render] = {found: RENDERERS[kind] for kind, found in reversed(TYPES.items())}


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=any_text)
