"""The options of an exporter's command: its filters, what the file is to be, and where it goes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django_filters import BooleanFilter

from brokerless import json_value
from brokerless.exports.asking.file_options import DELIMITERS, clean_columns, clean_delimiter, clean_format
from brokerless.exports.asking.filters import BOOLEANS, check_value, takes_many
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.layout import COMPRESSIONS
from brokerless.exports.mailing.recipients import check_address
from brokerless.exports.writing import check_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.management.base import CommandParser
    from django_filters import Filter

    from brokerless.exports.exporter import Exporter

STANDARD_OUTPUT = "-"


def add_options(parser: CommandParser, exporter: Exporter) -> None:
    """Add an option for each filter, those of the file, and the destinations, of which one may be chosen."""
    for name, declared in exporter.get_filters().items():
        _add_filter(parser, name, declared)
    _add_formats(parser, exporter)
    _add_columns(parser, exporter)
    add_common_options(parser)


def option_labels(exporter: Exporter) -> dict[str, str]:
    """Return what people call the options, by name."""
    filters = {name: str(declared.label) for name, declared in exporter.get_filters().items() if declared.label}
    return filters | {
        "format": _("Format"),
        "columns": _("Columns"),
        "compress": _("Compression"),
        "delimiter": _("Delimiter"),
        "bom": _("Byte order mark"),
        "guard": _("No guard against formulas"),
        "email": _("Mail the file to"),
    }


def add_common_options(parser: CommandParser) -> None:
    """Add the options that are the same for every exporter."""
    _add_layout(parser)
    _add_destinations(parser)
    # What was selected in Django's admin, which nobody types.
    parser.add_argument("--admin-selection", type=json_value, help=argparse.SUPPRESS)


def _add_formats(parser: CommandParser, exporter: Exporter) -> None:
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        type=_checked(lambda text: clean_format(exporter, text)),
        choices=exporter.get_formats(),
        help=f"One of {', '.join(exporter.formats)}; by default what the ending of --output says, "
        f"or {exporter.format}.",
    )


def _add_columns(parser: CommandParser, exporter: Exporter) -> None:
    def as_given(text: str) -> str:
        """Check the names, and leave them in one text: what is recorded is given again as it was typed."""
        clean_columns(exporter, text)
        return text

    names = ", ".join(column.name for column in exporter.get_columns()).replace("%", "%%")
    parser.add_argument(
        "--columns",
        metavar="NAME,…",
        action="append",
        type=_checked(as_given),
        help=f"Only these columns, in this order, of: {names}.",
    )


def _add_layout(parser: CommandParser) -> None:
    parser.add_argument(
        "--compress",
        choices=COMPRESSIONS,
        help="By default gzip for text, and none for formats that are compressed themselves.",
    )
    parser.add_argument(
        "--delimiter",
        metavar="CHARACTER",
        type=_checked(clean_delimiter),
        help=f"Between the cells of a CSV file: one of {', '.join(DELIMITERS)}, by name or as it is.",
    )
    parser.add_argument(
        "--bom", action="store_true", help="Begin a CSV file with a byte order mark, as Excel likes it."
    )
    parser.add_argument(
        "--no-guard",
        dest="guard",
        action="store_false",
        help="Leave texts as they are that a spreadsheet would take for formulas.",
    )


def _add_destinations(parser: CommandParser) -> None:
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
    keywords: dict[str, Any] = {"metavar": "VALUE", "type": _checked(lambda text: _filter_text(declared, text))}
    if isinstance(declared, BooleanFilter):
        # Given without a value it means what it says.
        keywords = {"nargs": "?", "const": "true", "choices": BOOLEANS, "type": str.lower}
    elif takes_many(declared):
        keywords["action"] = "append"
    help_text = str(declared.extra.get("help_text", "") or declared.label or "")
    parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=help_text.replace("%", "%%"), **keywords)


def _filter_text(declared: Filter, text: str) -> str:
    check_value(declared, text)
    return text


def _checked(clean: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a parser's type whose errors are those of a form."""

    def checked(text: str) -> Any:
        try:
            return clean(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(" ".join(error.messages)) from None

    return checked


def _address(text: str) -> str:
    try:
        return check_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _output(text: str) -> str:
    if text == STANDARD_OUTPUT:
        return text
    try:
        check_place(Path(text))
    except OutputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
