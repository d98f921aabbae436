"""Workbooks made, and read back: as openpyxl does, and the sheet's XML as it is."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from typing import TYPE_CHECKING, Any

import openpyxl

from brokerless.exports.formats import xlsx
from brokerless.exports.formats.layout import Layout
from tests.exporting.planned import planned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from brokerless.exports.columns import PlannedColumn
    from brokerless.exports.kinds import Kind

SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def workbook(columns: Sequence[PlannedColumn], *blocks: Sequence[tuple], guard: bool = True) -> bytes:
    """Return the file of columns and blocks of rows."""
    return b"".join(xlsx.encode(columns, blocks, Layout(format="xlsx", guard=guard)))


def workbook_of(kind: Kind, *values: Any, guard: bool = True, **digits: int) -> bytes:
    """Return the file of one column."""
    return workbook([planned("value", kind, **digits)], [(value,) for value in values], guard=guard)


def read_sheet(data: bytes) -> Worksheet:
    return openpyxl.load_workbook(io.BytesIO(data)).active


def read_rows(data: bytes) -> list[list[Any]]:
    """Return the values of a sheet, the header first."""
    return [[cell.value for cell in row] for row in read_sheet(data).rows]


def read_xml(data: bytes) -> str:
    """Return the XML of the sheet, unpacked as any program does."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert package.testzip() is None
        return package.read(SHEET).decode()


def read_texts(data: bytes) -> list[str]:
    """Return the texts of a sheet as Excel shows them: with its escapes undone, which openpyxl leaves in."""
    texts = ET.fromstring(read_xml(data)).iter(f"{NAMESPACE}t")
    return [re.sub("_x([0-9A-Fa-f]{4})_", _character, text.text or "") for text in texts]


def _character(found: re.Match) -> str:
    return chr(int(found[1], 16))
