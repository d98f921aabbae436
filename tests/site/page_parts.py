"""Reading a page as a browser under a strict Content-Security-Policy does."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


class Page(HTMLParser):
    """The elements of a page, and what a policy without `unsafe-inline` would not let through."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.refused: list[str] = []
        self.unclosed: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.elements.append((tag, values))
        if tag not in VOID:
            self.unclosed.append(tag)
        self.refused += [f"<{tag} {name}>" for name in values if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not values.get("src")):
            self.refused.append(f"<{tag}>")
        for name in ("href", "src", "action", "formaction"):
            scheme, colon, _ = (values.get(name) or "").strip().lower().partition(":")
            if colon and scheme in {"javascript", "vbscript"}:
                self.refused.append(f"<{tag} {name}={scheme}:>")

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed, f"</{tag}> closes nothing"
        opened = self.unclosed.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"

    def find(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            values
            for name, values in self.elements
            if name == tag and all(values.get(key.replace("_", "-")) == value for key, value in wanted.items())
        ]

    def count(self, tag: str, **wanted: str) -> int:
        return len(self.find(tag, **wanted))
