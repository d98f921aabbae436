"""CSV that Python's csv module reads back as it was."""

from __future__ import annotations

import csv
import io

import pytest

from brokerless.exports.formats.delimited import encode_csv

NASTY = [
    "",
    "a,b",
    'say "hello"',
    "two\nlines",
    "carriage\rreturn",
    "both\r\nof them",
    "\rat the start",
    "ends with CR\r",
    "emoji 📚🐍",
    "עברית وعربي",
    "中文",
    " blanks ",
    "tab\there",
    "'quoted'",
    "=1+1",
    "\u2028\u2029\x0b\x85",
]


def encoded(header, *blocks) -> bytes:
    return b"".join(encode_csv(header, blocks))


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


@pytest.mark.parametrize("text", NASTY)
def test_every_text_is_read_back_as_it_was(text):
    rows = [["before", text, "after"], [text, text, text]]
    assert read(encoded(["a", text, "c"], rows)) == [["a", text, "c"], *rows]


def test_all_of_them_in_one_block_are_read_back():
    rows = [[text, "x"] for text in NASTY]
    assert read(encoded(["a", "b"], rows)) == [["a", "b"], *rows]


def test_lines_end_in_lf_and_only_what_needs_quotes_has_them():
    assert encoded(["id", "title"], [[1, "Ulysses"], [2, "a,b"]]) == b'id,title\n1,Ulysses\n2,"a,b"\n'


def test_a_carriage_return_elsewhere_in_the_block_changes_no_other_row():
    plain = encoded(["a"], [["x"], ["y z"], [None]])
    assert encoded(["a"], [["x"], ["y z"], [None], ["\r"]]) == plain + b'"\r"\n'


def test_blocks_make_the_same_bytes_whatever_their_size():
    rows = [[number, "text"] for number in range(10)]
    assert encoded(["a", "b"], rows) == encoded(["a", "b"], rows[:3], rows[3:4], rows[4:])


def test_without_rows_there_is_the_header():
    assert encoded(["id", "title"]) == b"id,title\n"


def test_nothing_and_empty_text_are_both_empty():
    assert encoded(["a", "b"], [[None, ""]]) == b"a,b\n,\n"


def test_negative_numbers_stay_numbers():
    assert encoded(["a"], [[-800]]) == b"a\n-800\n"
