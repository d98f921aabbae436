"""No cell of text begins as a formula does, whoever wrote it, and each source has the same."""

from __future__ import annotations

import io
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import DurationField, Value
from django.utils import timezone

from brokerless.exports.columns import Column
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.delimited import delimiter_of
from brokerless.exports.formats.guard import FORMULA_STARTS, guarded, guarded_texts
from brokerless.exports.formats.layout import Layout
from brokerless.exports.sources import choosing
from brokerless.exports.writing import Export, write
from library.models import Book
from tests.exporting.making import make_book
from tests.exporting.reading import read_csv

FULL_WIDTH = "\uff1d\uff0b\uff0d\uff20"
DECLARED = [
    Column("available", name="truth", booleans=("=yes", "+no")),
    Column("isbn13", "@isbn", name="isbn"),
    Column("published_year", name="year", null="-"),
    Column("added_at", name="added", date_format="=%Y"),
    Column("average_rating", name="rating", null="\tnone"),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, transactional_db):
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    elif connection.vendor != "sqlite":
        pytest.skip("the suite is run on another database")


def rows_of(columns, layout) -> list[dict[str, str]]:
    """Return the rows of the file, for which both sources must give the same bytes."""
    files = []
    for sources in (choosing.FAST_SOURCES, {}):
        target = io.BytesIO()
        with patch.object(choosing, "FAST_SOURCES", sources):
            write(Export(Book.objects.all(), columns, unit="books", layout=layout, quiet=True), target)
        files.append(target.getvalue())
    assert files[0] == files[1]
    return read_csv(files[0])


@pytest.mark.parametrize("start", "=+-@\t\r\n" + FULL_WIDTH)
def test_what_owasp_lists_is_guarded(start):
    assert guarded(f"{start}1+1") == f"'{start}1+1"
    assert guarded_texts([f"{start}1+1", None, f"1{start}"]) == [f"'{start}1+1", None, f"1{start}"]
    assert start in FORMULA_STARTS


@pytest.mark.parametrize("start", FULL_WIDTH)
def test_full_width_signs_are_guarded_by_each_source(database, start):
    make_book(f"{start}1")
    make_book(f"1{start}")
    columns = [Column("pk", name="id"), Column("title")]
    assert [row["title"] for row in rows_of(columns, Layout(compress="none"))] == [f"'{start}1", f"1{start}"]


def test_texts_that_are_declared_are_guarded_too(database):
    year = timezone.now().year
    make_book(available=True)
    make_book(available=False, published_year=1922)
    first, second = rows_of(DECLARED, Layout(compress="none"))
    assert first == {"truth": "'=yes", "'@isbn": "", "year": "'-", "added": f"'={year}", "rating": "'\tnone"}
    assert (second["truth"], second["year"]) == ("'+no", "1922")


def test_without_the_guard_they_are_as_declared(database):
    make_book(available=False)
    (row,) = rows_of(DECLARED, Layout(compress="none", guard=False))
    assert (row["truth"], row["@isbn"], row["year"], row["rating"]) == ("+no", "", "-", "\tnone")


def test_a_negative_duration_is_guarded_and_a_negative_number_is_not(database):
    make_book(published_year=-800)
    late = Column(Value(timezone.timedelta(days=-1), output_field=DurationField()), name="late")
    assert rows_of([late, Column("published_year")], Layout(compress="none")) == [
        {"late": "'-P1DT00H00M00S", "published_year": "-800"}
    ]


@pytest.mark.parametrize("code", [0xD800, 0xDFFF])
def test_half_of_a_character_parts_no_cells(code):
    with pytest.raises(OutputError, match="cannot part the cells"):
        delimiter_of(Layout(delimiter=chr(code)))


@pytest.mark.parametrize("delimiter", ["é", "\ud7ff", "\ue000", "📚"])
def test_a_whole_one_does(delimiter):
    assert delimiter_of(Layout(delimiter=delimiter)) == delimiter
