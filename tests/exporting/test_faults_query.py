"""A statement that fails in mid-stream, a column that is gone, a lost connection: clear words, nothing left."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.models import F, Func, TextField

from brokerless.exports.columns import Column
from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from library.models import Book
from tests.exporting.faults import (
    assert_nothing_is_left,
    every_destination,
    every_format,
    export_in_vain,
    words_for,
)
from tests.exporting.making import make_many_books

BOOKS, FAILING = 6_000, 5_000


@pytest.fixture(params=["default", "postgresql"])
def database(request):
    """Run the test on the suite's database, and on PostgreSQL."""
    request.getfixturevalue("postgres" if request.param == "postgresql" else "transactional_db")


class Parsed(Func):
    """JSON, which the database refuses for a text that is none: in the row that has it, and not before."""

    function = "json"
    output_field = TextField()

    def as_postgresql(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template="(%(expressions)s)::json::text", **context)


@pytest.fixture
def columns(monkeypatch):
    """Return the function that gives the exporter other columns."""
    return lambda *columns: monkeypatch.setattr(type(get_exporter("books")), "columns", columns)


@contextmanager
def renamed(column):
    """Take a column of the books away from the database, as a migration does that came after the code."""

    def rename(old, new):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE library_book RENAME COLUMN {old} TO {new}")

    rename(column, "gone")
    try:
        yield
    finally:
        rename("gone", column)


def make_failing_books():
    make_many_books(BOOKS)
    Book.objects.update(title="1")
    Book.objects.filter(ratings_count=FAILING).update(title="{")


@every_format
@every_destination
def test_a_statement_that_fails_in_mid_stream(database, columns, export_directory, file_format, destination):
    make_failing_books()
    columns("pk", Column(Parsed(F("title")), name="parsed"), "contributors")
    words = words_for(file_format, destination, export_directory)
    export_directory.mkdir()
    said = export_in_vain(*words)
    assert said.startswith("The database could not give the rows: ")
    assert "json" in said.lower()
    assert_nothing_is_left(export_directory)


@every_format
def test_the_export_after_one_that_failed_works(database, columns, export, export_directory, file_format):
    make_failing_books()
    columns("pk", Column(Parsed(F("title")), name="parsed"))
    words = words_for(file_format, "stored", export_directory)
    export_in_vain(*words)
    Book.objects.filter(title="{").update(title="{}")
    export(*words)
    assert ExportFile.objects.get().rows == BOOKS


@every_format
def test_a_column_that_the_database_has_no_more(database, export_directory, file_format):
    make_many_books(2)
    with renamed("contributors"):
        said = export_in_vain(*words_for(file_format, "stored", export_directory))
    assert said.startswith("The database could not give the rows: ")
    assert "contributors" in said
    assert_nothing_is_left(export_directory)


@every_format
@every_destination
def test_a_column_that_the_model_has_no_more(db, columns, export_directory, file_format, destination):
    columns("pk", "subtitle")
    export_directory.mkdir()
    said = export_in_vain(*words_for(file_format, destination, export_directory))
    assert said.startswith("A column cannot be read: ")
    assert "subtitle" in said
    assert "Choices are: " in said
    assert_nothing_is_left(export_directory)


@every_format
def test_a_callable_that_fails_in_mid_stream_leaves_nothing(db, columns, export_directory, file_format):
    def shelf(book):
        return 1 // (book.ratings_count - FAILING)

    make_many_books(BOOKS)
    columns("pk", shelf)
    with pytest.raises(ZeroDivisionError):
        export_in_vain(*words_for(file_format, "stored", export_directory))
    assert_nothing_is_left(export_directory)


@every_format
def test_a_connection_that_is_lost_in_mid_stream(postgres, columns, export_directory, file_format):
    def shelf(book):
        if book.ratings_count == FAILING:
            terminate_backend()
        return book.ratings_count

    make_many_books(BOOKS)
    columns("pk", shelf)
    said = export_in_vain(*words_for(file_format, "stored", export_directory))
    assert said.startswith("The database could not give the rows: ")
    assert_nothing_is_left(export_directory)


def terminate_backend():
    """End the connection of the export, as an administrator or a restart of the server does."""
    pid = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
