"""File formats: from rows to the bytes of a file. Only those made of text are imported before they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from brokerless.exports.formats import delimited, jsonl
from brokerless.exports.formats.layout import CSV, JSONL, TSV

if TYPE_CHECKING:
    from types import ModuleType

    from brokerless.exports.formats.layout import Layout

TEXT_FORMATS = {CSV: delimited, TSV: delimited, JSONL: jsonl}


def text_format(layout: Layout) -> ModuleType:
    """Return the module that makes a layout's lines: `header` and `renderer`."""
    return TEXT_FORMATS[layout.format]


def typed_format(layout: Layout) -> ModuleType:
    """Return the module that makes a layout's file of values: `encode`."""
    return import_module(f"brokerless.exports.formats.{layout.format}")
