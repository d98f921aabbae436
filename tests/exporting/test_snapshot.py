"""An export sees one moment, whatever others write while it runs."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from django.db import connection, connections, transaction

from brokerless.exports.columns import Column
from brokerless.exports.formats.layout import Layout
from brokerless.exports.reading import RowCount, file_pieces
from brokerless.exports.snapshot import one_moment
from brokerless.exports.sources import choosing, portable, postgresql, sqlite
from brokerless.exports.writing import Export
from library.models import Author, Book
from tests.exporting.making import make_many_books

BOOKS = 9_000  # several chunks


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, transactional_db):
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    elif connection.vendor != "sqlite":
        pytest.skip("the suite is run on another database")


@pytest.fixture(params=["its own source", "portable"])
def _source(request, monkeypatch):
    if request.param == "portable":
        monkeypatch.setattr(choosing, "FAST_SOURCES", {})
    for module in (portable, postgresql, sqlite):
        monkeypatch.setattr(module, "BLOCK_ROWS" if module is portable else "CHUNK_ROWS", 100)


def write_elsewhere() -> None:
    """Change every row, remove some and add some, in another connection."""

    def write():
        try:
            with transaction.atomic():
                Book.objects.update(title="Changed")
                keys = [*Book.objects.values_list("pk", flat=True)]
                Book.objects.filter(pk__gt=keys[len(keys) // 2]).delete()
                Book.objects.create(title="New", author=Author.objects.get())
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    failed = []
    thread = threading.Thread(target=write)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "the writer was kept out"
    assert not failed


def export(queryset=None) -> Export:
    columns = [Column("pk"), Column("title")]
    return Export(
        queryset or Book.objects.all(), columns, unit="books", layout=Layout(compress="none"), quiet=True
    )


@pytest.mark.usefixtures("database", "_source")
def test_a_writer_in_between_is_neither_seen_nor_kept_out():
    make_many_books(BOOKS)
    before = [f"{key},{title}" for key, title in Book.objects.order_by("pk").values_list("pk", "title")]
    count = RowCount()
    with closing(file_pieces(export(), count, is_counted=True)) as pieces:
        read = [next(pieces), next(pieces)]  # the header, and the first rows
        write_elsewhere()
        read += pieces
    assert b"".join(read).decode().splitlines() == ["pk,title", *before]
    assert count.rows == BOOKS
    assert Book.objects.filter(title="Changed").exists()


@pytest.mark.usefixtures("database")
def test_statements_of_one_moment_see_the_same_rows():
    make_many_books(10)
    with one_moment("default"):
        assert Book.objects.count() == 10
        write_elsewhere()
        assert Book.objects.count() == 10
        assert not Book.objects.filter(title="Changed").exists()
    assert Book.objects.filter(title="Changed").exists()
    assert not connection.in_atomic_block


@pytest.mark.usefixtures("database")
def test_afterwards_transactions_are_as_the_site_has_them():
    mode = getattr(connection, "transaction_mode", None)
    with one_moment("default"):
        pass
    assert getattr(connection, "transaction_mode", None) == mode
    with connection.cursor() as cursor, transaction.atomic():
        if connection.vendor == "postgresql":
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone() == ("read committed",)


@pytest.mark.usefixtures("database")
def test_in_a_caller_s_transaction_it_is_the_caller_s():
    with transaction.atomic(), one_moment("default"):
        Book.objects.update(title="x")  # a write is no error


@pytest.mark.usefixtures("database", "_source")
def test_an_export_that_is_given_up_leaves_no_transaction_behind():
    make_many_books(BOOKS)
    pieces = file_pieces(export(), RowCount(), is_counted=False)
    next(pieces)
    next(pieces)
    pieces.close()
    assert not connection.in_atomic_block
    write_elsewhere()
    assert connection.is_usable()
    assert not Book.objects.filter(title__startswith="Book").exists()


@pytest.mark.usefixtures("database", "_source")
def test_slices_and_ties_are_the_same_from_every_source():
    make_many_books(1_000)
    sliced, distinct = Book.objects.order_by("language")[5:900], Book.objects.order_by("-isbn13").distinct()
    for queryset in (sliced, distinct):
        found = b"".join(file_pieces(export(queryset), RowCount(), is_counted=False)).decode().splitlines()
        keys = [*Book.objects.order_by("pk").values_list("pk", flat=True)]
        expected = keys[5:900] if queryset.query.is_sliced else keys
        assert [int(line.split(",")[0]) for line in found[1:]] == expected
