"""The formula guard: texts that a spreadsheet would take for formulas are made harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# https://owasp.org/www-community/attacks/CSV_Injection
# The last four are their full-width forms, which are the same to spreadsheets in Japanese.
FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# A spreadsheet takes what follows it for text; a TAB in its place became a CVE.
PREFIX = "'"


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return PREFIX + text if text and text[0] in FORMULA_STARTS else text


def guarded_texts(texts: Iterable[str | None]) -> list[str | None]:
    """Return a whole column guarded: a call for each of a million texts costs more than the look at them."""
    starts = FORMULA_STARTS
    return [PREFIX + text if text and text[0] in starts else text for text in texts]
