"""What the tests of faults share: exports in several formats to both destinations, and that nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from brokerless.exports.files import ownership
from brokerless.exports.models import ExportFile
from tests.exporting.reading import names_in

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("csv", "xlsx", "parquet")
STORED, OUTPUT = "stored", "output"

every_format = pytest.mark.parametrize("file_format", FORMATS)
every_destination = pytest.mark.parametrize("destination", [STORED, OUTPUT])


def words_for(file_format: str, destination: str, directory: Path) -> list[str]:
    """Return the options of an export, whose file is in the directory if the storage's is it."""
    if destination == STORED:
        return ["--format", file_format]
    suffix = ".csv.gz" if file_format == "csv" else f".{file_format}"
    return ["--output", str(directory / f"books{suffix}")]


def export_in_vain(*words: str) -> str:
    """Run an export that cannot succeed, and return what is said of it."""
    with pytest.raises(CommandError) as caught:
        call_command("export_books", *words, verbosity=0)
    return str(caught.value)


def files_in(directory: Path) -> list[str]:
    """Return the names of the files and parts of files in a storage's directory."""
    return [name for name in names_in(directory) if not name.startswith(ownership.PREFIX)]


def assert_nothing_is_left(directory: Path) -> None:
    """Assert that there is no part of a file, under whatever name, and no record of one."""
    assert files_in(directory) == []
    assert not ExportFile.objects.exists()
