"""Finding what a page says in English only: every text is marked where it passes a translation."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from django.utils import translation

from tests.site.page_parts import VOID

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

OPEN, CLOSE = "⟦⟧"
# What is never translated: code, output, moments, and what scripts and browsers read.
DATA_ELEMENTS = frozenset({"code", "pre", "samp", "time", "script", "style", "noscript-style", "textarea"})
READ_ALOUD = frozenset(
    {"title", "alt", "placeholder", "label", "aria-label", "aria-description", "aria-valuetext"}
)
BUTTONS = frozenset({"submit", "button", "reset"})
# Latin letters: the tests' own data is in Greek.
LETTERS = re.compile(r"[A-Za-z]{2,}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def mark_translations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every translated text between ⟦ and ⟧, whatever the language."""
    functions = {
        "gettext": _marked,
        "pgettext": lambda context, text: _marked(text),
        "ngettext": lambda one, many, number: _marked(one if number == 1 else many),
        "npgettext": lambda context, one, many, number: _marked(one if number == 1 else many),
    }
    for name, function in functions.items():
        monkeypatch.setattr(translation._trans, name, function, raising=False)


def _marked(text: str) -> str:
    return f"{OPEN}{text}{CLOSE}" if text else text


def untranslated(text: str, *, data: Iterable[str] = ()) -> list[str]:
    """Return what of a text has not passed a translation; data: what need not."""
    outside, depth = "", 0
    for character in text:
        depth += (character == OPEN) - (character == CLOSE)
        outside += character if depth == 0 and character != CLOSE else " "
    outside = UUID.sub(" ", outside)
    for known in sorted(data, key=len, reverse=True):
        outside = outside.replace(known, " ")
    return LETTERS.findall(outside)


class PageTexts(HTMLParser):
    """The texts of a page for people: all that is between its elements as one, and those in attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.running = ""
        self.attributes: list[str] = []
        self.feed(page)
        self.close()

    def untranslated(self, *, data: Iterable[str] = ()) -> list[str]:
        assert self.running.count(OPEN) == self.running.count(CLOSE), "a translated text was cut"
        found = [untranslated(text, data=data) for text in (self.running, *self.attributes)]
        return [word for words in found for word in words]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if not DATA_ELEMENTS.intersection(self.open):
            self.attributes += [
                value for name, value in values.items() if name in READ_ALOUD or name.startswith("data-text")
            ]
            if tag == "input" and values.get("type") in BUTTONS:
                self.attributes.append(values.get("value", ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, text: str) -> None:
        if not DATA_ELEMENTS.intersection(self.open):
            self.running += f" {text}"
        else:
            self.running += "".join(mark for mark in text if mark in (OPEN, CLOSE))
