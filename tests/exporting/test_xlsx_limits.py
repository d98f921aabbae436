"""The limits of a sheet: what it cannot hold is refused with its place, and never cut."""

from __future__ import annotations

import pytest

from brokerless.exports.exceptions import OutputError, UnsuitableValue
from brokerless.exports.formats import xlsx, xlsx_sheet
from brokerless.exports.formats.layout import FORMATS, Layout
from brokerless.exports.kinds import Kind
from tests.exporting.planned import planned
from tests.exporting.workbooks import read_rows, read_texts, workbook, workbook_of

MOST_CHARACTERS = 32_767


@pytest.mark.parametrize("text", ["x" * MOST_CHARACTERS, "é" * MOST_CHARACTERS, "𝄞" * (MOST_CHARACTERS // 2)])
def test_the_longest_text_is_written_whole(text):
    assert read_texts(workbook_of(Kind.TEXT, text))[1:] == [text]


@pytest.mark.parametrize("text", ["x" * (MOST_CHARACTERS + 1), "𝄞" * (MOST_CHARACTERS // 2 + 1)])
def test_a_longer_text_is_refused_with_its_place(text):
    columns = [planned("id", Kind.INTEGER), planned("title", Kind.TEXT, header="Title")]
    with pytest.raises(
        UnsuitableValue, match=r"^Row 3, column “Title”: a text of 32,768 characters; .* 32,767\. "
    ) as caught:
        workbook(columns, [(1, "x"), (2, None)], [(3, text)])
    assert (caught.value.row, caught.value.column) == (3, "Title")


@pytest.mark.parametrize(("text", "what"), [("\ud83d", "half of a character"), ("a\0b", "a NUL character")])
def test_what_no_text_can_hold_is_refused(text, what):
    with pytest.raises(UnsuitableValue, match=rf"^Row 2, column “value”: a text with {what}, which no "):
        workbook_of(Kind.TEXT, "whole", text)


def test_a_header_that_no_cell_holds_is_refused():
    with pytest.raises(UnsuitableValue, match=r"^Column “x{60}…”: a text of 32,768 characters"):
        workbook([planned("value", Kind.TEXT, header="x" * (MOST_CHARACTERS + 1))])


def test_the_most_rows_of_a_sheet_are_excels():
    assert xlsx_sheet.MOST_ROWS == FORMATS["xlsx"].most_rows == 2**20 - 1


def test_more_rows_than_a_sheet_holds_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(xlsx_sheet, "MOST_ROWS", 3)
    columns, drawn = [planned("id", Kind.INTEGER)], []

    def blocks():
        for start in (1, 3, 5):
            drawn.append(start)
            yield [(start,), (start + 1,)]

    with pytest.raises(OutputError, match=r"^A sheet holds 3 rows at most, and these are at least 4\. Narrow"):
        list(xlsx.encode(columns, blocks(), Layout(format="xlsx")))
    assert drawn == [1, 3]
    assert len(read_rows(workbook(columns, [(1,), (2,), (3,)]))) == 4


def test_more_columns_than_a_sheet_holds_are_refused():
    column = planned("id", Kind.INTEGER)
    with pytest.raises(OutputError, match=r"holds 16,384 columns at most, and here are 16,385\."):
        workbook([column] * 16_385)


def test_a_sheet_that_is_larger_than_an_archive_can_hold_is_refused(monkeypatch):
    monkeypatch.setattr(xlsx_sheet, "MOST_BYTES", 1000)
    workbook_of(Kind.TEXT, "x" * 900)
    with pytest.raises(OutputError, match=r"^The sheet would be larger than a workbook can be\."):
        workbook_of(Kind.TEXT, "x" * 1000)
