"""What the values of a column are: from it follows how they are written."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """The kind of a column's values. In Python, each may also be None."""

    TEXT = "text"  # str, from anybody
    INTEGER = "integer"  # int
    DECIMAL = "decimal"  # decimal.Decimal
    FLOAT = "float"  # float
    BOOLEAN = "boolean"  # bool
    DATE = "date"  # datetime.date
    MOMENT = "moment"  # datetime.datetime; an aware one is written in the time zone of whoever asked
    TIME = "time"  # datetime.time
    WORD = "word"  # str that this product made: a text of booleans, a date's by a format, an ISO duration, a UUID
    DIGITS = "digits"  # str, the digits of a decimal, made where they are known already; never guarded
    ANY = "any"  # whatever a callable returns: looked at value by value


# What a spreadsheet may take for a formula, whoever wrote it.
TEXTS = frozenset({Kind.TEXT, Kind.WORD})
