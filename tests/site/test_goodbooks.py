"""What is read from a file in the columns of goodbooks-10k, line by line."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from library.goodbooks import COLUMNS, SAMPLE, BookFileError, Refusal, Row, count_rows, read_rows

FIXTURE = Path(__file__).parent / "fixtures" / "goodbooks-30.csv"
GOOD_CELLS = {
    "book_id": "7",
    "isbn": "439023483",
    "authors": "Ann Author",
    "original_publication_year": "2008.0",
    "title": "A Title",
    "language_code": "eng",
    "average_rating": "4.34",
    "ratings_count": "100",
}
REFUSED_IN_FIXTURE = {
    10: "20 cells where the header has 23",
    11: "24 cells where the header has 23",
    12: "book_id is empty",
    13: "book_id is not a number: 'twelve'",
    14: "book_id is not between 1 and 9223372036854775807: '0'",
    15: "title is empty",
    16: "authors names nobody",
    17: "original_publication_year is not a number: 'MMVIII'",
    18: "original_publication_year is not a whole number: '2008.5'",
    19: "original_publication_year is not between -4000 and 2100: '3000.0'",
    20: "average_rating is not between 0 and 5: '5.01'",
    21: "average_rating is not a number: 'NaN'",
    22: "ratings_count is not between 0 and 2147483647: '-1'",
    23: "title has 504 characters, 500 are allowed",
    24: "book_id 1 occurred before",
}


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def line_with(**cells):
    return ",".join(quoted(text) for text in (GOOD_CELLS | cells).values())


def read(tmp_path, *lines, encoding="utf-8", line_end="\n"):
    path = tmp_path / "books.csv"
    text = line_end.join([",".join(COLUMNS), *lines]) + line_end
    path.write_bytes(text.encode(encoding))
    return list(read_rows(path))


def fixture_rows():
    return {row.source_id: row for row in read_rows(FIXTURE) if isinstance(row, Row)}


def test_every_bad_line_is_refused_with_its_number_and_a_reason():
    refusals = [row for row in read_rows(FIXTURE) if isinstance(row, Refusal)]
    assert {refusal.line: refusal.reason for refusal in refusals} == REFUSED_IN_FIXTURE


def test_every_good_line_is_a_row():
    assert sorted(fixture_rows()) == [1, 2, 3, 4, 5, 6, 7, 8, 24, 25, 26, 27, 28, 29, 2**63 - 1]


def test_a_row_has_the_values_of_its_line():
    assert fixture_rows()[1] == Row(
        source_id=1,
        title="The Paper Harbour (The Paper Harbour, #1)",
        author="Ada Penrose",
        contributors="",
        isbn13="9780439023481",
        published_year=2008,
        language="eng",
        average_rating=Decimal("4.01"),
        ratings_count=1200,
    )


def test_spare_spaces_are_removed_from_titles_and_names():
    row = fixture_rows()[2]
    assert (row.title, row.author, row.contributors) == ("A Map of Doubled Spaces", "Ada Penrose", "Tomás Vidal")
    assert fixture_rows()[3].author == "Betty Quill"
    assert fixture_rows()[24].title == "A Title in Two Lines"


@pytest.mark.parametrize(
    ("source_id", "field", "value"),
    [
        (2, "isbn13", "9780141439846"),  # the check digit is an X
        (3, "isbn13", ""),  # the check digit is wrong, and the float beside it is not used
        (3, "published_year", None),
        (4, "published_year", -750),
        (4, "title", 'Works, Days, and "Quotes"'),
        (4, "average_rating", Decimal("3.70")),
        (5, "contributors", "Zoë Faßbinder, D'Arcy O'Hara"),
        (6, "title", "كتاب المثال"),
        (6, "author", "ياسر المثال"),
        (8, "language", ""),
        (8, "isbn13", ""),
        (25, "average_rating", None),
        (25, "ratings_count", 0),
        (26, "contributors", ""),
        (27, "isbn13", ""),  # nothing but zeros
        (28, "published_year", 2014),
        (29, "title", "=1+1: Arithmetic"),
    ],
)
def test_the_oddities_of_the_real_file_are_understood(source_id, field, value):
    assert getattr(fixture_rows()[source_id], field) == value


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"title": "A\0Title"}, "a NUL character"),
        ({"isbn": "\0"}, "a NUL character"),
        ({"book_id": "1.5"}, "book_id is not a whole number: '1.5'"),
        ({"book_id": "-3"}, "book_id is not between 1 and 9223372036854775807: '-3'"),
        ({"book_id": "9223372036854775808"}, "9223372036854775808"),
        ({"book_id": "1_000"}, "book_id is not a number: '1_000'"),
        ({"book_id": "١٢"}, "book_id is not a number"),
        ({"book_id": "9" * 5000}, "book_id is not between"),
        ({"authors": "A" * 201}, "authors has a name of 201 characters, 200 are allowed"),
        ({"authors": "Ann, " + "A" * 201}, "authors has a name of 201 characters, 200 are allowed"),
        ({"language_code": "e" * 21}, "language_code has 21 characters, 20 are allowed"),
        ({"original_publication_year": "-4001"}, "original_publication_year is not between"),
        ({"original_publication_year": "inf"}, "original_publication_year is not a number: 'inf'"),
        ({"average_rating": "-0.01"}, "average_rating is not between"),
        ({"average_rating": "4,34"}, "average_rating is not a number: '4,34'"),
        ({"average_rating": "x" * 1000}, f"average_rating is not a number: '{'x' * 40}…'"),
        ({"ratings_count": "1e3"}, "ratings_count is not a number: '1e3'"),
        ({"ratings_count": "2147483648"}, "ratings_count is not between"),
        ({"title": "x" * 200_000}, "field larger than field limit"),
    ],
)
def test_a_wrong_cell_is_refused(tmp_path, cells, reason):
    (refusal,) = read(tmp_path, line_with(**cells))
    assert refusal.line == 2
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("cells", "field", "value"),
    [
        ({"title": "T" * 500}, "title", "T" * 500),
        ({"title": " \u00a0 T\u3000T \t"}, "title", "T T"),
        ({"authors": "A" * 200}, "author", "A" * 200),
        ({"authors": ", Second"}, "author", "Second"),
        ({"original_publication_year": "-4000.0"}, "published_year", -4000),
        ({"original_publication_year": "2100"}, "published_year", 2100),
        ({"average_rating": "5.00"}, "average_rating", Decimal(5)),
        ({"average_rating": "4.3456"}, "average_rating", Decimal("4.35")),
        ({"ratings_count": "2147483647"}, "ratings_count", 2**31 - 1),
        ({"isbn": "x" * 300}, "isbn13", ""),
    ],
)
def test_an_unusual_cell_is_taken(tmp_path, cells, field, value):
    (row,) = read(tmp_path, line_with(**cells))
    assert getattr(row, field) == value


def test_a_line_after_a_broken_one_is_read(tmp_path):
    rows = read(tmp_path, line_with(title="x" * 200_000), line_with())
    assert [type(row) for row in rows] == [Refusal, Row]


def test_a_refused_line_does_not_take_the_key_from_the_next_one(tmp_path):
    rows = read(tmp_path, line_with(title=""), line_with(), line_with())
    assert [type(row) for row in rows] == [Refusal, Row, Refusal]


def test_lines_are_counted_as_they_stand_in_the_file(tmp_path):
    rows = read(tmp_path, line_with(title="Two\nLines"), "", line_with(book_id="none"))
    assert rows[-1].line == 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_either_line_end_make_no_difference(tmp_path, encoding, line_end):
    (row,) = read(tmp_path, line_with(title="Zoë"), encoding=encoding, line_end=line_end)
    assert row.title == "Zoë"


def test_columns_are_found_by_name_in_any_order(tmp_path):
    path = tmp_path / "books.csv"
    names, cells = zip(*reversed(GOOD_CELLS.items()), strict=True)
    path.write_text(f"more, {' , '.join(names)}\nother,{','.join(cells)}\n", encoding="utf-8")
    (row,) = read_rows(path)
    assert (row.source_id, row.title) == (7, "A Title")


def test_lines_are_counted_without_the_header():
    assert count_rows(SAMPLE) == len(list(read_rows(SAMPLE))) == 50


def test_a_pipe_is_not_read_to_be_counted(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert count_rows(path) is None


def test_what_is_not_utf8_is_refused_with_the_line(tmp_path):
    path = tmp_path / "books.csv"
    path.write_bytes(b"book_id\n1\nZo\xeb\n")
    with pytest.raises(BookFileError, match=r"not UTF-8: see line 3"):
        count_rows(path)


def test_the_sample_has_no_bad_line_and_keys_of_its_own():
    rows = list(read_rows(SAMPLE))
    assert [row for row in rows if isinstance(row, Refusal)] == []
    assert min(row.source_id for row in rows) == 9_000_001
    assert any(row.published_year < 0 for row in rows)
    assert any(row.contributors for row in rows)
    assert any(not row.title.isascii() for row in rows)
