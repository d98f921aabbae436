"""The exporters of a site by name; each app's `exporters` module registers its own."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from brokerless.exports.exceptions import UnknownExporter
from brokerless.representation import TOLD_BY_TITLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokerless.exports.exporter import Exporter

# Django's own for a slug in a URL.
SLUG = re.compile(r"[-a-zA-Z0-9_]+")
# What the addresses of files and of mailed links begin with.
RESERVED = frozenset({"files", "shared"})

_exporters: dict[str, Exporter] = {}


def register(name: str) -> Callable[[type[Exporter]], type[Exporter]]:
    """Register the decorated exporter under a name, which is also a part of its URL and of its command.

    Raises ValueError for a name that no URL can have, or that another has.
    """
    _check_name(name)

    def decorate(exporter_class: type[Exporter]) -> type[Exporter]:
        if name in _exporters and type(_exporters[name]) is not exporter_class:
            raise ValueError(f"There are two exporters of the name {name!r}; rename one.")
        exporter = _exporters[name] = exporter_class(name)
        TOLD_BY_TITLE[exporter.command_name] = cache(lambda: {*exporter.get_filters(), "admin_selection"})
        return exporter_class

    return decorate


def _check_name(name: str) -> None:
    if not SLUG.fullmatch(name):
        raise ValueError(
            f"An exporter cannot have the name {name!r}, which is a part of its URL: "
            f"use letters of ASCII, digits, - and _, such as 'books'."
        )
    if name in RESERVED:
        raise ValueError(
            f"An exporter cannot have the name {name!r}, which is that of other URLs: choose one that is "
            f"not {' or '.join(sorted(RESERVED))}."
        )


def get_exporter(name: str) -> Exporter:
    """Return the exporter of that name. Raises UnknownExporter with the names that exist."""
    try:
        return _exporters[name]
    except KeyError:
        known = ", ".join(sorted(_exporters)) or "none; declare one in an app's exporters.py"
        raise UnknownExporter(f"There is no exporter {name!r}; there is: {known}.") from None


def all_exporters() -> list[Exporter]:
    """Return every registered exporter."""
    return list(_exporters.values())
