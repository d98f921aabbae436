"""What no file can hold is refused with its place, in the same words from every source."""

from __future__ import annotations

import io

import pytest
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from brokerless.exports.columns import Column
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.layout import Layout
from brokerless.exports.sources import choosing
from brokerless.exports.writing import Export, write
from library.models import Book
from tests.exporting.making import make_many_books
from tests.exporting.nasty import Nasty, nasty_table

OUT_OF_RANGE = "is outside of what can be exported: years from 1 to 9999, times before 24:00."
DAYS = ["10000-01-01", "0044-03-15 BC", "infinity", "-infinity"]
MOMENTS = ["10000-01-01 00:00:00+00", "0001-01-01 00:00:00+00 BC", "infinity", "-infinity"]

# What SQLite takes for a column, and Django would not have stored.
UNUSUAL = {
    "moment": [
        *("2024-01-01", "2024-01-01 10:00", "2024-01-01T10:00:00+05:00", "never", 5, "2024-01-01 10:00:00.5"),
        *("2024-01-01 10:00:00.000000", "2024-01-01 24:00:00", "0000-01-01 00:00:00", "2024-02-30 00:00:00"),
    ],
    "day": ["2024-02-30", "20240101", "0000-01-01", "2024-1-1", 20240101, ""],
    "price": [0.125, 1.005, 1e6 / 7, -0.0, 3, -3, "1.10", "text", 12345678901, 1e300],
    "ratio": [0.1, 1234567.12345678, 1e15 / 3],
    "whole": [5, 5.5, -0.4],
    "number": ["=1+1", 1.5, b"\x00\xff"],
    "is_known": [2, "1", "true", 1.0],
    "text": [b"=\x01", b""],
    "measure": ["x", 3, 1e23],
    "clock": ["10:00", "24:00:00", "10:00:00.500000"],
    "key": ["nonsense", "0" * 32],
}


@pytest.fixture(params=["its own source", "portable"])
def _source(request, monkeypatch):
    if request.param == "portable":
        monkeypatch.setattr(choosing, "FAST_SOURCES", {})


@pytest.fixture
def on_postgresql(postgres):
    with nasty_table():
        yield


@pytest.fixture
def on_sqlite(transactional_db):
    if connection.vendor != "sqlite":
        pytest.skip("the suite is run on another database")
    with nasty_table():
        yield


def put(row: int, **values) -> None:
    """Put values into a row as SQL has them."""
    sets = ", ".join(f"{name} = %s" for name in values)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE probes_nasty SET {sets} WHERE id = %s", [*values.values(), row])


def text_of(*names, layout=None, queryset=None) -> str:
    columns = [name if isinstance(name, Column) else Column(name, label=name.title()) for name in names]
    target = io.BytesIO()
    layout = layout or Layout(compress="none")
    write(Export(queryset or Nasty.objects.all(), columns, unit="rows", layout=layout, quiet=True), target)
    return target.getvalue().decode()


def make_rows(count: int = 3) -> None:
    Nasty.objects.bulk_create([Nasty(id=number + 1, text="x") for number in range(count)])


@pytest.mark.usefixtures("on_postgresql", "_source")
@pytest.mark.parametrize(
    ("name", "value"),
    [*(("day", day) for day in DAYS), *(("moment", moment) for moment in MOMENTS), ("clock", "24:00:00")],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_date_that_python_has_none_for(name, value, zone):
    make_rows()
    put(2, **{name: value})
    with timezone.override(zone), pytest.raises(OutputError) as caught:
        text_of("id", name)
    assert str(caught.value).startswith(f"Row 2, column “{name.title()}”: {value} {OUT_OF_RANGE}")


@pytest.mark.usefixtures("on_sqlite", "_source")
@pytest.mark.parametrize("layout", [Layout(compress="none"), Layout("jsonl", compress="none")])
def test_a_nul(layout):
    make_rows()
    put(2, text="a\0b")
    with pytest.raises(OutputError, match=r"^Row 2, column “Text”: a text with a NUL character"):
        text_of("id", "text", layout=layout)
    put(2, text="a\\u0000b")
    assert len(text_of("id", "text", layout=layout).splitlines()) >= 3


@pytest.mark.usefixtures("on_sqlite", "_source")
def test_a_text_that_is_no_utf_8():
    make_rows()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE probes_nasty SET text = CAST(x'61ff62' AS TEXT) WHERE id = 2")
    with pytest.raises(OutputError, match="Could not decode to UTF-8"):
        text_of("id", "text")


@pytest.mark.usefixtures("on_sqlite")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name, values in UNUSUAL.items() for value in values),
    ],
)
@pytest.mark.parametrize("layout", [Layout(compress="none"), Layout("jsonl", compress="none")])
def test_what_sqlite_stores_in_no_usual_form_is_the_same_from_both_sources(name, value, layout, monkeypatch):
    make_rows()
    put(2, **{name: value})
    found = []
    for sources in (choosing.FAST_SOURCES, {}):
        monkeypatch.setattr(choosing, "FAST_SOURCES", sources)
        try:
            found.append(text_of("id", name, layout=layout))
        except OutputError as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.usefixtures("on_postgresql", "_source")
def test_a_column_that_the_table_no_longer_has_is_said():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE probes_nasty DROP COLUMN text")
    with pytest.raises(OutputError, match=r"The database could not give the rows: .*text"):
        text_of("id", "text")


@pytest.mark.usefixtures("_source")
def test_a_field_that_the_model_does_not_have_is_said(db):
    with pytest.raises(OutputError, match=r"A column cannot be read: .*publisher"):
        text_of("publisher", queryset=Book.objects.all())


@pytest.mark.usefixtures("postgres", "_source")
def test_an_error_in_the_middle_of_the_rows_is_said():
    make_many_books(5_000)
    quotient = Column(F("pk") / (Book.objects.first().pk + 4_000 - F("pk")), name="quotient")
    with pytest.raises(OutputError, match="The database could not give the rows: division by zero"):
        text_of("pk", quotient, queryset=Book.objects.all())
    assert Book.objects.count() == 5_000


@pytest.mark.usefixtures("_source")
def test_parameters_and_percent_signs_are_taken_as_they_are(postgres):
    make_many_books(2)
    named = Column(Concat(F("title"), Value("100% 'of' %s \\ {}")), name="50%", null="%s")
    filtered = Book.objects.filter(title__contains="1").exclude(title="%s")
    expected = "50%,pk\nBook 1100% 'of' %s \\ {},"
    assert text_of(Column(named.value, name="50%", null="%s", label="50%"), "pk", queryset=filtered).startswith(
        expected.replace(",pk", ",Pk")
    )
