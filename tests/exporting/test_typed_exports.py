"""Exports to workbooks and Parquet files, from the database to the file."""

from __future__ import annotations

import gzip
import io
import tempfile
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module

import pyarrow as pa
import pytest
from django.core.management import CommandError
from django.db.models import Count
from django.utils import timezone
from pyarrow import parquet

from brokerless.exports.columns import Column
from brokerless.exports.formats import xlsx_sheet
from brokerless.exports.formats.layout import Layout
from brokerless.exports.kinds import Kind
from brokerless.exports.models import ExportFile
from brokerless.exports.reading import RowCount, file_pieces
from brokerless.exports.sources.portable import PortableSource
from brokerless.exports.writing import Export, write
from library.models import Author, Book
from tests.exporting.making import make_book, make_many_books
from tests.exporting.planned import planned
from tests.exporting.reading import names_in, stored_bytes
from tests.exporting.workbooks import read_rows

COLUMNS = (
    Column("title"),
    Column("author__name", label="Author"),
    Column("published_year"),
    Column("average_rating"),
    Column("available", booleans=("yes", "no")),
    Column("added_at", name="added"),
    Column("added_at", name="day", date_format="%d.%m.%Y"),
    Column(lambda book: book.title.upper(), name="loud"),
)
ADDED = datetime(2024, 7, 1, 22, 30, tzinfo=UTC)


@pytest.fixture(params=["default", "postgresql"])
def database(request):
    """Run the test on the suite's database, and on PostgreSQL."""
    request.getfixturevalue("postgres" if request.param == "postgresql" else "transactional_db")


def exported(queryset, columns, file_format, **layout) -> bytes:
    target = io.BytesIO()
    written = write(Export(queryset, columns, "books", Layout(file_format, **layout), quiet=True), target)
    assert written.bytes == len(target.getvalue())
    return target.getvalue()


def make_two_books():
    make_book(
        "=Ulysses",
        published_year=-5,
        average_rating=Decimal("4.50"),
        available=True,
        added_at=ADDED,
        language="eng",
    )
    make_book("Dubliners", available=False, added_at=ADDED)


def test_a_workbook_has_the_values_of_every_database(database):
    make_two_books()
    with timezone.override("Europe/Berlin"):
        rows = read_rows(exported(Book.objects.all(), COLUMNS, "xlsx"))
    local = datetime.fromisoformat("2024-07-02 00:30")
    assert rows == [
        ["title", "Author", "published_year", "average_rating", "available", "added", "day", "loud"],
        ["'=Ulysses", "James Joyce", -5, 4.5, "yes", local, "02.07.2024", "'=ULYSSES"],
        ["Dubliners", "James Joyce", None, None, "no", local, "02.07.2024", "DUBLINERS"],
    ]


def test_a_parquet_file_has_the_values_of_every_database(database):
    make_two_books()
    with timezone.override("Europe/Berlin"):
        table = parquet.read_table(io.BytesIO(exported(Book.objects.all(), COLUMNS, "parquet")))
    assert [str(kind) for kind in table.schema.types] == [
        "string",
        "string",
        "int64",
        "decimal128(3, 2)",
        "string",
        "timestamp[us, tz=Europe/Berlin]",
        "string",
        "string",
    ]
    assert [[*row.values()] for row in table.to_pylist()] == [
        ["=Ulysses", "James Joyce", -5, Decimal("4.50"), "yes", ADDED, "02.07.2024", "=ULYSSES"],
        ["Dubliners", "James Joyce", None, None, "no", ADDED, "02.07.2024", "DUBLINERS"],
    ]


def test_an_expression_has_a_type_too(database):
    make_two_books()
    columns = (Column("name"), Column(Count("books"), name="books"))
    assert read_rows(exported(Author.objects.all(), columns, "xlsx")) == [["name", "books"], ["James Joyce", 2]]
    table = parquet.read_table(io.BytesIO(exported(Author.objects.all(), columns, "parquet")))
    assert table.to_pylist() == [{"name": "James Joyce", "books": 2}]


@pytest.mark.parametrize("file_format", ["xlsx", "parquet"])
def test_a_file_is_the_same_when_it_is_made_again_streamed_or_compressed(db, file_format):
    make_many_books(5_000)
    usual = exported(Book.objects.all(), COLUMNS, file_format)
    streamed = file_pieces(
        Export(Book.objects.all(), COLUMNS, "books", Layout(file_format), quiet=True), RowCount(), is_counted=False
    )
    assert exported(Book.objects.all(), COLUMNS, file_format) == usual
    assert b"".join(streamed) == usual
    assert gzip.decompress(exported(Book.objects.all(), COLUMNS, file_format, compress="gzip")) == usual


@pytest.mark.parametrize(("file_format", "start"), [("xlsx", b"PK\x03\x04"), ("parquet", b"PAR1")])
def test_a_stored_file_is_what_its_name_says(export, file_format, start):
    make_two_books()
    export("--format", file_format)
    record = ExportFile.objects.get()
    assert record.name.endswith(f".{file_format}")
    assert stored_bytes(record).startswith(start)
    assert record.rows == 2


def test_more_rows_than_a_sheet_holds_are_refused_before_any_is_read(export, monkeypatch, export_directory):
    monkeypatch.setattr(xlsx_sheet, "MOST_ROWS", 3)
    monkeypatch.setattr(PortableSource, "blocks", lambda self: pytest.fail("rows were read"))
    make_many_books(4)
    with pytest.raises(CommandError, match=r"^A sheet holds 3 rows at most, and these are at least 4\. Narrow"):
        export("--format", "xlsx")
    assert names_in(export_directory) == []
    assert not ExportFile.objects.exists()


def test_as_many_rows_as_a_sheet_holds_are_written(export, monkeypatch):
    monkeypatch.setattr(xlsx_sheet, "MOST_ROWS", 3)
    make_many_books(3)
    export("--format", "xlsx")
    assert len(read_rows(stored_bytes(ExportFile.objects.get()))) == 4


@pytest.mark.parametrize(("file_format", "said"), [("xlsx", "a text of 32,768 characters"), ("parquet", "")])
def test_a_value_that_the_format_cannot_hold_leaves_nothing(export, export_directory, file_format, said):
    make_two_books()
    Book.objects.filter(title="Dubliners").update(contributors="x" * 32_768)
    if not said:
        export("--format", file_format)
        return
    with pytest.raises(CommandError, match=f"^Row 2, column “contributors”: {said}"):
        export("--format", file_format)
    assert names_in(export_directory) == []
    assert not ExportFile.objects.exists()


@pytest.mark.parametrize("file_format", ["xlsx", "parquet"])
def test_no_temporary_file_is_made(db, monkeypatch, file_format):
    make_two_books()
    monkeypatch.setattr(tempfile, "mkstemp", lambda *_, **__: pytest.fail("a temporary file"))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *_, **__: pytest.fail("a temporary file"))
    assert exported(Book.objects.all(), COLUMNS, file_format)


@pytest.mark.parametrize("file_format", ["xlsx", "parquet"])
def test_memory_does_not_grow_with_the_rows(file_format):
    few, many = (peak_memory(file_format, blocks) for blocks in (10, 40))
    assert many < 1.2 * few


def peak_memory(file_format: str, blocks: int) -> int:
    """Return the most bytes that were in use while so many blocks of rows were written, Arrow's too."""
    columns = [planned("id", Kind.INTEGER), planned("title", Kind.TEXT)]
    rows = ([(row, f"Book {row} of {block}") for row in range(2000)] for block in range(blocks))
    pool, arrow_peak = pa.system_memory_pool(), 0
    tracemalloc.start()
    for _ in import_module(f"brokerless.exports.formats.{file_format}").encode(columns, rows, Layout(file_format)):
        arrow_peak = max(arrow_peak, pool.bytes_allocated())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak + arrow_peak
