"""Reading exports back, as somebody who got the file would."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from brokerless.exports.models import ExportFile


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def read_file(path: Path) -> list[dict[str, str]]:
    return read_csv(gzip.decompress(path.read_bytes()))


def stored_bytes(record: ExportFile) -> bytes:
    with record.storage.open(record.storage_name) as file:
        return file.read()


def names_in(directory: Path) -> list[str]:
    """Return the names of everything in a directory, hidden ones too; none if there is no directory."""
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []
