"""The options of an exporter's command: its filters, and where the file goes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django_filters import BooleanFilter

from brokerless.exports.exceptions import OutputError
from brokerless.exports.filters import BOOLEANS, check_value, takes_many
from brokerless.exports.mail import check_address
from brokerless.exports.writing import check_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.management.base import CommandParser
    from django_filters import Filter

    from brokerless.exports.exporter import Exporter

STANDARD_OUTPUT = "-"


def add_options(parser: CommandParser, exporter: Exporter) -> None:
    """Add an option for each filter, and the destinations, of which one may be chosen."""
    for name, declared in exporter.get_filters().items():
        _add_filter(parser, name, declared)
    destination = parser.add_mutually_exclusive_group()
    destination.add_argument(
        "--output",
        metavar="PATH",
        type=_output,
        help="Write the file there instead of storing it, gzipped if the name ends in .gz; - is standard output.",
    )
    destination.add_argument(
        "--email",
        metavar="ADDRESS",
        action="append",
        type=_address,
        help="Mail the stored file, or a link if it is large; can be given more than once.",
    )


def _add_filter(parser: CommandParser, name: str, declared: Filter) -> None:
    keywords: dict[str, Any] = {"metavar": "VALUE", "type": _filter_type(declared)}
    if isinstance(declared, BooleanFilter):
        # Given without a value it means what it says.
        keywords = {"nargs": "?", "const": "true", "choices": BOOLEANS, "type": str.lower}
    elif takes_many(declared):
        keywords["action"] = "append"
    help_text = str(declared.extra.get("help_text", "") or declared.label or "")
    parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=help_text.replace("%", "%%"), **keywords)


def _filter_type(declared: Filter) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            check_value(declared, text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(" ".join(error.messages)) from None
        return text

    return checked


def _address(text: str) -> str:
    try:
        return check_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _output(text: str) -> str:
    if text == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise argparse.ArgumentTypeError("a compressed file is not written to a terminal; redirect it")
        return text
    try:
        check_place(Path(text))
    except OutputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
