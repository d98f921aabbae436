"""ISBNs: from the ten digits of old to the thirteen of today (ISO 2108, annexes A and C)."""

from __future__ import annotations

import re

ISBN10 = re.compile(r"[0-9]{9}[0-9X]")
BOOKLAND = "978"  # the EAN prefix under which every ISBN-10 became an ISBN-13


def isbn13_from_isbn10(text: str) -> str:
    """Return the ISBN-13 of an ISBN-10 that may have lost its leading zeros, "" if it is not valid."""
    isbn10 = text.strip().upper().rjust(10, "0")
    if not ISBN10.fullmatch(isbn10) or not _has_valid_check_digit(isbn10):
        return ""
    return with_check_digit(BOOKLAND + isbn10[:9])


def with_check_digit(first_twelve: str) -> str:
    """Return the ISBN-13 that starts with these twelve digits."""
    total = sum(map(int, first_twelve[0::2])) + 3 * sum(map(int, first_twelve[1::2]))
    return f"{first_twelve}{-total % 10}"


def _has_valid_check_digit(isbn10: str) -> bool:
    values = [10 if digit == "X" else int(digit) for digit in isbn10]
    total = sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True))
    # Nothing but zeros adds up too; it is what an empty cell is padded to.
    return total > 0 and total % 11 == 0
