"""A command's output as plain text: what a terminal would have shown of it, without its colours.

No library does it: those that remove escape sequences leave parts of unfinished ones, the 8-bit ones, carriage
returns and backspaces, and terminal emulators keep a screen and need more than a second for a megabyte.
"""

from __future__ import annotations

import re

# Whatever plain text does not hold. Without any of it a text is returned as it is.
_SPECIAL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff]")
# ECMA-48 as terminals take it, with 7-bit and 8-bit introducers. Nothing after an introducer has to be there, and
# nothing is given back (`*+`): the time is linear in the text, whatever it is.
_SEQUENCE = re.compile(
    r"""
    (?: \x1b[\]PX^_] | [\x90\x98\x9d-\x9f] )          # OSC, DCS, SOS, PM, APC: a string, which ends
        [^\x07\n\r\x18\x1a\x1b\x80-\x9f]*+            # with its line at the latest, so that one that is
        (?: \x07 | \x1b\\ | \x9c )?+                  # never ended does not hide the rest of the log
    | (?: \x1b\[ | \x9b ) [0-?]*+ [ -/]*+ [@-~]?+     # CSI: parameters, intermediates, final
    | \x1b [ -/]*+ [0-~]?+                            # all others
    """,
    re.VERBOSE,
)
# "Cursor to the first column" is what some programs write for a carriage return.
_TO_LINE_START = re.compile(r"(?:\x1b\[|\x9b)[01]?G")
# Zero width space and byte order mark. Joiners stay, and the marks that right-to-left text is written with.
_INVISIBLE = (0x200B, 0xFEFF)
# Vertical tab, form feed, NEL and Unicode's separators end a line; of the others those stay that are applied last.
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_TRANSLATED = dict.fromkeys(
    {*range(0x20), *range(0x7F, 0xA0), *_TURNING, *_INVISIBLE} - {*b"\t\n\r\b"}
) | dict.fromkeys((0x0B, 0x0C, 0x85, 0x2028, 0x2029), "\n")


def plain(text: str) -> str:
    """Return output without escape sequences and control characters but tabs and line ends.

    Of a line that was rewritten after a carriage return its last state that is not empty is kept, and what a
    terminal would still show of a longer one behind it is not. A backspace takes the character before it away.
    Characters that turn the direction of writing around (U+202A–202E, U+2066–2069), and two that cannot be seen
    (U+200B, U+FEFF) are removed: what is read is what was written.
    """
    if _SPECIAL.search(text) is None:
        return text
    text = _SEQUENCE.sub("", _TO_LINE_START.sub("\r", text)).translate(_TRANSLATED).replace("\r\n", "\n")
    if "\r" in text or "\b" in text:
        text = "\n".join(map(_last_state, text.split("\n")))
    return text


def _last_state(line: str) -> str:
    states = map(_without_erased, reversed(line.rstrip("\r").split("\r")))
    return next(filter(None, states), "")


def _without_erased(line: str) -> str:
    if "\b" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)
