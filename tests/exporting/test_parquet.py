"""Parquet: types that follow from the columns, values that fit or are refused, groups that keep memory flat."""

from __future__ import annotations

import gc
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as reader

from brokerless.exports.exceptions import OutputError, UnsuitableValue
from brokerless.exports.formats import parquet
from brokerless.exports.formats.layout import Layout
from brokerless.exports.kinds import Kind
from tests.exporting.planned import planned

LAYOUT = Layout(format="parquet")


def encoded(columns, *blocks) -> bytes:
    return b"".join(parquet.encode(columns, blocks, LAYOUT))


def read(data: bytes) -> pa.Table:
    return reader.read_table(io.BytesIO(data))


def column_of(kind, *values, **keywords) -> pa.ChunkedArray:
    return read(encoded([planned("value", kind, **keywords)], [(value,) for value in values])).column("value")


@pytest.mark.parametrize(
    ("kind", "value", "arrow"),
    [
        (Kind.TEXT, "=Ulysses\r\n", pa.string()),
        (Kind.WORD, "P1D", pa.string()),
        (Kind.INTEGER, -(2**63), pa.int64()),
        (Kind.FLOAT, 0.1 + 0.2, pa.float64()),
        (Kind.BOOLEAN, False, pa.bool_()),
        (Kind.DATE, date(1, 1, 1), pa.date32()),
        (Kind.DATE, date(9999, 12, 31), pa.date32()),
        (Kind.MOMENT, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), pa.timestamp("us", "UTC")),
        (Kind.TIME, time(23, 59, 59, 999999), pa.time64("us")),
    ],
)
def test_values_are_of_their_own_type_and_come_back(kind, value, arrow):
    column = column_of(kind, value, None)
    assert column.type == arrow
    assert column.to_pylist() == [value, None]


def test_decimals_of_a_field_have_its_digits():
    column = column_of(Kind.DECIMAL, Decimal("4.5"), None, max_digits=3, decimal_places=2)
    assert column.type == pa.decimal128(3, 2)
    assert column.to_pylist() == [Decimal("4.50"), None]


@pytest.mark.parametrize("digits", [{}, {"max_digits": 39, "decimal_places": 2}])
def test_decimals_of_unknown_size_are_texts_with_all_digits(digits):
    column = column_of(Kind.DECIMAL, Decimal("1E+3"), Decimal("0.10"), None, **digits)
    assert (column.type, column.to_pylist()) == (pa.string(), ["1000", "0.10", None])


def test_moments_are_shown_in_the_zone_of_whoever_asked():
    moment = datetime(2024, 10, 27, 1, 30, tzinfo=UTC)  # the second half past two of that night
    with timezone.override("Europe/Berlin"):
        column = column_of(Kind.MOMENT, timezone.localtime(moment), moment)
    assert column.type == pa.timestamp("us", "Europe/Berlin")
    # Python calls no two moments of that hour equal across zones.
    assert [value.astimezone(UTC) for value in column.to_pylist()] == [moment, moment]


def test_moments_without_a_zone_are_taken_as_django_takes_them():
    with timezone.override("Europe/Berlin"):
        column = column_of(Kind.MOMENT, datetime.fromisoformat("2024-07-01 12:00"))
    assert column.to_pylist() == [datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))]


def test_a_site_without_time_zones_gets_moments_without_one(settings):
    settings.USE_TZ = False
    column = column_of(Kind.MOMENT, datetime.fromisoformat("2024-07-01 12:00"))
    assert (column.type, column.to_pylist()) == (pa.timestamp("us"), [datetime.fromisoformat("2024-07-01 12:00")])


def test_a_zone_that_has_no_name_is_told_as_utc():
    moment = datetime(2024, 7, 1, 12, tzinfo=UTC)
    with timezone.override(timezone.get_fixed_timezone(90)):
        column = column_of(Kind.MOMENT, timezone.localtime(moment))
    assert (column.type, column.to_pylist()) == (pa.timestamp("us", "UTC"), [moment])


def test_values_of_a_callable_are_texts():
    column = column_of(Kind.ANY, 1, "x", None, True)
    assert (column.type, column.to_pylist()) == (pa.string(), ["1", "x", None, "true"])


def test_columns_have_the_names_that_users_ask_for_them_by():
    columns = [planned("author__name", Kind.TEXT, header="Author"), planned("pk", Kind.INTEGER)]
    assert read(encoded(columns, [("Joyce", 1)])).column_names == ["author__name", "pk"]


def test_an_export_of_no_rows_has_its_columns():
    columns = [planned("id", Kind.INTEGER), planned("title", Kind.TEXT)]
    for blocks in ([], [[]]):
        table = read(encoded(columns, *blocks))
        assert (table.num_rows, table.schema.types) == (0, [pa.int64(), pa.string()])


def test_empty_texts_are_no_nulls():
    assert column_of(Kind.TEXT, "", None).to_pylist() == ["", None]


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_any_text_comes_back_as_it_was(texts):
    assert column_of(Kind.TEXT, *texts).to_pylist() == texts


@pytest.mark.parametrize(
    ("kind", "value", "what"),
    [
        (Kind.INTEGER, 2**63, "9223372036854775808 does not fit into the type int64"),
        (Kind.INTEGER, 1.5, "1.5 does not fit into the type int64"),
        (Kind.INTEGER, "x", "'x' does not fit into the type int64"),
        (Kind.DECIMAL, Decimal("1.234"), r"1.234 does not fit into the type decimal128\(5, 2\)"),
        (Kind.DECIMAL, Decimal(1000), r"1000 does not fit into"),
        (Kind.DECIMAL, Decimal("NaN"), r"NaN does not fit into"),
        (Kind.TEXT, "\ud83d", r"'\\ud83d' does not fit into the type string"),
        (Kind.TEXT, "x" * 100 + "\ud83d", r"'x{59}… does not fit into the type string"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(kind, value, what):
    digits = {"max_digits": 5, "decimal_places": 2} if kind is Kind.DECIMAL else {}
    columns = [planned("id", Kind.INTEGER), planned("value", kind, header="Value", **digits)]
    with pytest.raises(UnsuitableValue, match=f"^Row 3, column “Value”: {what}.* Leave the column out") as caught:
        encoded(columns, [(1, None), (2, None)], [(3, value), (4, value)])
    assert (caught.value.row, caught.value.column) == (3, "Value")


def test_groups_of_rows_are_of_one_size():
    blocks = [[(row,) for row in range(2000)]] * 20
    file = reader.ParquetFile(io.BytesIO(encoded([planned("id", Kind.INTEGER)], *blocks)))
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    assert sizes == [18_000, 18_000, 4_000]


def test_long_texts_make_shorter_groups(monkeypatch):
    monkeypatch.setattr(parquet, "GROUP_BYTES", 10_000)
    file = reader.ParquetFile(io.BytesIO(encoded([planned("text", Kind.TEXT)], *[[("x" * 9_000,)] * 2] * 3)))
    assert file.num_row_groups == 3


def test_the_first_bytes_leave_before_the_last_rows_are_read():
    drawn = []

    def blocks():
        for number in range(100):
            drawn.append(number)
            yield [(number * 2000 + row,) for row in range(2000)]

    pieces = parquet.encode([planned("id", Kind.INTEGER)], blocks(), LAYOUT)
    next(pieces)
    assert len(drawn) <= 10
    pieces.close()
    gc.collect()
    assert len(drawn) <= 10


def test_the_same_rows_give_the_same_bytes():
    columns, rows = [planned("id", Kind.INTEGER), planned("title", Kind.TEXT)], [(1, "a"), (2, None)] * 100
    assert encoded(columns, rows) == encoded(columns, rows)


def test_without_the_library_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr(parquet, "is_installed", lambda name: name != "parquet")
    with pytest.raises(
        OutputError, match=r"^Parquet files need pyarrow: pip install 'django-brokerless\[parquet\]'$"
    ):
        encoded([planned("id", Kind.INTEGER)])
