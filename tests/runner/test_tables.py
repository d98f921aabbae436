"""Tables on terminals of any width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokerless.management.subcommands.tables import cut, display_width, padded, printable, table_lines

ROWS = [
    ("ID", "STATUS", "TASK", "NOTE"),
    ("1", "FAILED", "a rather long title", "and a note"),
    ("22", "READY", "", ""),
]


def test_columns_are_aligned_and_nothing_is_cut_without_a_width():
    assert table_lines(ROWS, width=None) == [
        "ID  STATUS  TASK                 NOTE",
        "1   FAILED  a rather long title  and a note",
        "22  READY",
    ]


def test_the_widest_columns_are_cut_first():
    assert table_lines(ROWS, width=34) == [
        "ID  STATUS  TASK        NOTE",
        "1   FAILED  a rather …  and a note",
        "22  READY",
    ]
    assert table_lines(ROWS, width=12)[1] == "1   FAILED …"


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("a\u200bb", 2), ("", 0), ("🙂", 2)]
)
def test_the_width_of_a_text_is_what_a_terminal_needs(text, width):
    assert display_width(text) == width


@given(text=st.text(), width=st.integers(0, 30))
def test_a_text_is_cut_or_padded_to_a_width(text, width):
    text = printable(text)
    assert display_width(cut(text, width)) <= width
    assert display_width(padded(text, width)) == width
    assert cut(text, display_width(text)) == text


@given(rows=st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=1), width=st.integers(1, 100))
def test_no_line_is_wider_than_the_terminal(rows, width):
    rows = [tuple(map(printable, row)) for row in rows]
    lines = table_lines(rows, width=width)
    assert len(lines) == len(rows)
    assert max(map(display_width, lines)) <= width


@given(text=st.text())
def test_what_is_printed_is_one_line_that_no_terminal_obeys(text):
    line = printable(text)
    assert len(line.splitlines()) <= 1
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)


def test_lines_can_be_kept():
    assert printable("a\n\tb\r\nc\033[m", keep_lines=True) == "a\n        b\nc\N{REPLACEMENT CHARACTER}[m"
