"""XLSX: a workbook of one sheet, written while the rows come.

By hand: openpyxl and XlsxWriter first write the whole sheet, uncompressed, into temporary files of unknown names
that a killed process leaves behind, and the latter takes a text like `<r>…</r>` for XML. The format is ECMA-376's.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.drain import Drain
from brokerless.exports.formats.xlsx_columns import SheetColumns
from brokerless.exports.formats.xlsx_parts import fixed_parts
from brokerless.exports.formats.xlsx_sheet import Sheet, check_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.formats.layout import Layout

__all__ = ["check_columns", "check_rows", "encode"]

MOST_COLUMNS = 16_384
SHEET = "xl/worksheets/sheet1.xml"
ZIP_LEVEL = 4  # the usual 6 takes more than twice as long for a twelfth less


def encode(columns: Sequence[PlannedColumn], blocks: Iterable[Sequence[tuple]], layout: Layout) -> Iterator[bytes]:
    """Yield a workbook piece by piece.

    Raises UnsuitableValue for a text that no cell holds, OutputError for more than a sheet holds.
    """
    check_columns(columns)
    sheet_columns = SheetColumns(columns, is_guarded=layout.is_guarded)
    drain = Drain()
    with _package(drain) as package:
        for name, xml in fixed_parts(sheet_columns.number_formats).items():
            with package.open(name, "w") as part:
                part.write(xml.encode())
        with package.open(SHEET, "w") as part:
            for piece in Sheet(sheet_columns).pieces(blocks):
                part.write(piece)
                if data := drain.take():
                    yield data
    yield drain.take()


def check_columns(columns: Sequence[PlannedColumn]) -> None:
    """Raise OutputError for more columns than a sheet holds."""
    if len(columns) > MOST_COLUMNS:
        raise OutputError(
            _("A sheet holds %(most)s columns at most, and here are %(count)s. Leave some out, or choose CSV.")
            % {"most": f"{MOST_COLUMNS:,}", "count": f"{len(columns):,}"}
        )


def _package(target: Drain) -> zipfile.ZipFile:
    # Entries that are opened by name have no time: the same rows give the same bytes.
    return zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=False, compresslevel=ZIP_LEVEL)
