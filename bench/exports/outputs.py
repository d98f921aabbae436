"""Looking into the files: a way that is fast because it leaves something out is no way."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zipfile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PIECE = 1 << 20


def rows_in(path: Path) -> int:
    """Count the rows of a file, its header aside."""
    format = path.name.split(".")[1]  # noqa: A001 - the word for it
    if format == "parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_metadata(path).num_rows
    if format == "xlsx":
        return _rows_of_sheet(path) - 1
    with _opened(path) as file:
        if format == "jsonl":
            return sum(1 for _ in file)
        lines = (line.decode() for line in file)
        return sum(1 for _ in csv.reader(lines, delimiter="\t" if format == "tsv" else ",")) - 1


def digest(path: Path) -> str:
    """Return the SHA-256 of what a file holds, uncompressed."""
    sha256 = hashlib.sha256()
    with _opened(path) as file:
        while piece := file.read(PIECE):
            sha256.update(piece)
    return sha256.hexdigest()


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _rows_of_sheet(path: Path) -> int:
    rows, rest = 0, b""
    with zipfile.ZipFile(path) as book, book.open("xl/worksheets/sheet1.xml") as sheet:
        while piece := sheet.read(PIECE):
            piece = rest + piece
            rows += piece.count(b"<row ")
            rest = piece[-4:]  # shorter than what is counted, so that nothing is counted twice
    return rows
