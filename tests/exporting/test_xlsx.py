"""Workbooks: typed cells, texts that stay texts, and bytes that repeat."""

from __future__ import annotations

import gc
import io
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokerless.exports.formats import xlsx
from brokerless.exports.formats.layout import Layout
from brokerless.exports.formats.xlsx_sheet import letters
from brokerless.exports.kinds import Kind
from tests.exporting.planned import planned
from tests.exporting.workbooks import read_rows, read_sheet, read_texts, read_xml, workbook, workbook_of

BERLIN = ZoneInfo("Europe/Berlin")


def cells_of(kind, *values, **keywords) -> list:
    """Return the cells of values as openpyxl reads them."""
    return [row[0] for row in read_sheet(workbook_of(kind, *values, **keywords)).rows][1:]


def value_of(kind, value, **keywords):
    return cells_of(kind, value, **keywords)[0].value


def test_the_header_is_bold_and_stays_in_sight():
    sheet = read_sheet(workbook([planned("id", Kind.INTEGER), planned("title", Kind.TEXT)], [(1, "Ulysses")]))
    assert [(cell.value, cell.font.b) for cell in sheet[1]] == [("id", True), ("title", True)]
    assert not sheet["B2"].font.b
    assert sheet.freeze_panes == "A2"


def test_an_export_of_no_rows_has_its_header():
    columns = [planned("id", Kind.INTEGER), planned("title", Kind.TEXT)]
    assert read_rows(workbook(columns)) == [["id", "title"]]
    assert read_rows(workbook(columns, [])) == [["id", "title"]]


def test_rows_of_several_blocks_follow_each_other():
    blocks = [[(1,), (2,)], [(3,)], [], [(4,)]]
    assert read_rows(workbook([planned("id", Kind.INTEGER)], *blocks)) == [["id"], [1], [2], [3], [4]]


def test_null_is_an_empty_cell():
    columns = [planned("a", Kind.TEXT), planned("b", Kind.INTEGER), planned("c", Kind.ANY)]
    data = workbook(columns, [(None, None, None), ("x", 1, None)])
    assert read_rows(data)[1:] == [[None, None, None], ["x", 1, None]]
    assert '<row r="2"></row>' in read_xml(data)


@pytest.mark.parametrize(
    ("kind", "value", "number_format"),
    [
        (Kind.INTEGER, -12, "General"),
        (Kind.INTEGER, 10**15 - 1, "General"),
        (Kind.FLOAT, 0.1 + 0.2, "General"),
        (Kind.FLOAT, -1.5e300, "General"),
        (Kind.DECIMAL, Decimal("12.5"), "General"),
        (Kind.BOOLEAN, True, "General"),
        (Kind.BOOLEAN, False, "General"),
        (Kind.DATE, date(1900, 3, 1), "yyyy-mm-dd"),
        (Kind.DATE, date(9999, 12, 31), "yyyy-mm-dd"),
        (Kind.MOMENT, datetime.fromisoformat("2024-02-29 23:59:58"), "yyyy-mm-dd hh:mm:ss"),
        (Kind.TIME, time(13, 14, 15), "hh:mm:ss"),
    ],
)
def test_values_are_of_their_own_type(kind, value, number_format):
    (cell,) = cells_of(kind, value)
    assert (cell.value.date() if kind is Kind.DATE else cell.value) == value
    assert cell.number_format == number_format
    assert cell.data_type != "s"


def test_decimals_of_a_field_show_all_its_places():
    (cell,) = cells_of(Kind.DECIMAL, Decimal("4.50"), max_digits=3, decimal_places=2)
    assert (cell.value, cell.number_format) == (4.5, "0.00")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.INTEGER, 10**15, "1000000000000000"),
        (Kind.INTEGER, -(2**63), "-9223372036854775808"),
        (Kind.DECIMAL, Decimal("0.1234567890123456"), "0.1234567890123456"),
        (Kind.DECIMAL, Decimal("-1234567890123456"), "-1234567890123456"),
        (Kind.DECIMAL, Decimal("NaN"), "NaN"),
        (Kind.DECIMAL, Decimal("1E+400"), "1" + "0" * 400),
        (Kind.FLOAT, float("NaN"), "NaN"),
        (Kind.FLOAT, float("-inf"), "-Infinity"),
        (Kind.FLOAT, 1.7e308, "1.7e+308"),
    ],
)
def test_numbers_that_a_sheet_would_change_are_texts(kind, value, text):
    (cell,) = cells_of(kind, value)
    assert (cell.value, cell.data_type) == (text, "s")


@pytest.mark.parametrize("text", ["0.00000000000000123456789", "123456789012345", "100000000000000000", "-0.000"])
def test_decimals_of_few_digits_that_count_are_numbers(text):
    assert f"<v>{text}</v>" in read_xml(workbook_of(Kind.DECIMAL, Decimal(text)))


def test_moments_are_on_the_clock_of_their_zone():
    moment = datetime(2024, 7, 1, 22, 30, tzinfo=UTC).astimezone(BERLIN)
    assert value_of(Kind.MOMENT, moment) == datetime.fromisoformat("2024-07-02 00:30")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.DATE, date(1900, 2, 28), "1900-02-28"),
        (Kind.DATE, date(1, 1, 1), "0001-01-01"),
        (Kind.MOMENT, datetime(1899, 12, 31, 10, 0, tzinfo=UTC), "1899-12-31T10:00:00+00:00"),
    ],
)
def test_days_that_a_sheet_does_not_know_are_texts(kind, value, text):
    (cell,) = cells_of(kind, value)
    assert (cell.value, cell.data_type) == (text, "s")


def test_values_of_a_callable_are_of_their_own_types():
    values = [1, 2.5, Decimal("0.5"), True, date(2024, 1, 2), datetime(2024, 1, 2, 3, tzinfo=UTC), "x", "=1+1"]
    cells = cells_of(Kind.ANY, *values)
    assert [cell.value for cell in cells] == [
        1,
        2.5,
        0.5, True, datetime.fromisoformat("2024-01-02"), datetime.fromisoformat("2024-01-02 03:00"), "x", "'=1+1"
    ]  # fmt: skip
    assert cells[4].number_format == "yyyy-mm-dd"


def test_a_column_of_mixed_types_as_sqlite_may_hold_is_written_by_type():
    cells = cells_of(Kind.INTEGER, 1, "=2", 3.5, b"\x00\xff")
    assert [cell.value for cell in cells] == [1, "'=2", 3.5, "AP8="]


@pytest.mark.parametrize("start", "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
def test_the_guard_makes_texts_harmless_that_look_like_formulas(start):
    assert read_texts(workbook_of(Kind.TEXT, f"{start}1"))[1:] == [f"'{start}1"]
    assert read_texts(workbook_of(Kind.TEXT, f"{start}1", guard=False))[1:] == [f"{start}1"]


def test_the_guard_covers_headers_and_words_but_no_numbers():
    columns = [planned("=id", Kind.INTEGER), planned("word", Kind.WORD)]
    assert read_rows(workbook(columns, [(-1, "-P1D")])) == [["'=id", "word"], [-1, "'-P1D"]]
    assert read_rows(workbook(columns, guard=False)) == [["=id", "word"]]


@pytest.mark.parametrize(
    "text", ["=1+1", "http://example.org/", "mailto:a@b.c", "<r><t>rich</t></r>", "{=1}", "12"]
)
def test_a_text_is_never_a_formula_a_link_or_a_number(text):
    data = workbook_of(Kind.TEXT, text, guard=False)
    xml = read_xml(data)
    assert read_texts(data)[1:] == [text]
    assert not any(f"<{element}" in xml for element in ("f>", "f ", "hyperlink", "v>", "r>"))


@pytest.mark.parametrize(
    "text",
    [
        "a\rb",
        "a\r\nb",
        "\x01\x1f",
        "_x0041_",
        "_x005F_x0041_",
        "\uffff\ufffe",
        "  two  spaces ",
        "\n",
        "",
        "é𝄞👩‍👧",
        "\u200fعربي",
        "a&b<c>\"d'",
    ],
)
def test_texts_come_back_as_they_were(text):
    assert read_texts(workbook_of(Kind.TEXT, text, guard=False)) == ["value", text]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=20))
def test_any_text_comes_back_as_it_was(texts):
    assert read_texts(workbook_of(Kind.TEXT, *texts, guard=False))[1:] == texts


def test_space_around_a_text_is_kept_by_programs_that_trim():
    assert 'xml:space="preserve"> a</t>' in read_xml(workbook_of(Kind.TEXT, " a"))
    assert "preserve" not in read_xml(workbook_of(Kind.TEXT, "a b"))


@pytest.mark.parametrize(
    ("place", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
)
def test_columns_have_letters(place, name):
    assert letters(place) == name


def test_columns_beyond_z_are_found_again():
    columns = [planned(f"c{place}", Kind.INTEGER) for place in range(60)]
    assert read_rows(workbook(columns, [tuple(range(60))]))[1] == list(range(60))


def test_the_same_rows_give_the_same_bytes(monkeypatch):
    columns = [planned("id", Kind.INTEGER), planned("title", Kind.TEXT)]
    rows = [(number, f"Book {number}") for number in range(100)]
    first = workbook(columns, rows)
    monkeypatch.setattr("time.time", lambda: 0)
    assert workbook(columns, rows) == first
    with zipfile.ZipFile(io.BytesIO(first)) as package:
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_first_bytes_leave_before_the_last_rows_are_read():
    drawn = []

    def blocks():
        for number in range(100):
            drawn.append(number)
            yield [(number * 1_000_003 + row,) for row in range(2000)]

    pieces = xlsx.encode([planned("id", Kind.INTEGER)], blocks(), Layout(format="xlsx"))
    next(pieces)
    assert len(drawn) <= 2
    assert len(next(pieces)) < 100_000
    pieces.close()
    gc.collect()  # what is wrong with an archive that is closed half way would be told here
    assert len(drawn) < 10
