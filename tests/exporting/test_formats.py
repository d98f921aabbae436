"""CSV that Python's csv module reads back as it was."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal

import pytest

from brokerless.exports.columns import PlannedColumn
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats import text_format
from brokerless.exports.formats.layout import Layout
from brokerless.exports.kinds import Kind

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


UNGUARDED = Layout(guard=False)


def encoded(header, *blocks, layout=UNGUARDED, kind=Kind.ANY) -> bytes:
    columns = [PlannedColumn(name, name, kind) for name in header]
    found = text_format(layout)
    render = found.renderer(columns, layout)
    lines = [render([*zip(*block, strict=True)]) for block in blocks]
    return (found.header(columns, layout) + "".join(lines)).encode()


def read(data: bytes, delimiter=",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True, delimiter=delimiter))


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
    for kind in (Kind.INTEGER, Kind.ANY):
        assert encoded(["a"], [[-800]], layout=Layout(), kind=kind) == b"a\n-800\n"


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.ANY])
@pytest.mark.parametrize("start", "=+-@\t\r\n")
@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_formulas_are_made_harmless_in_cells_and_headers(start, name, kind):
    text, delimiter = f"{start}1+1", {"csv": ",", "tsv": "\t"}[name]
    data = encoded([text, "b"], [[text, f"x{text}"]], layout=Layout(name), kind=kind)
    assert read(data, delimiter) == [[f"'{text}", "b"], [f"'{text}", f"x{text}"]]


@pytest.mark.parametrize("layout", [Layout(guard=False), Layout("tsv", guard=False)])
def test_without_the_guard_they_stay(layout):
    assert encoded(["=a"], [["=1+1"]], layout=layout, kind=Kind.TEXT) == b"=a\n=1+1\n"


def test_what_stands_for_nothing_is_quoted_as_any_cell():
    columns = [
        PlannedColumn("a", "a", Kind.INTEGER, null='no, "a"'),
        PlannedColumn("b", "b", Kind.DATE, null="x,y"),
    ]
    render = text_format(UNGUARDED).renderer(columns, UNGUARDED)
    assert read(render([(1, None), (None, None)]).encode()) == [["1", "x,y"], ['no, "a"', "x,y"]]


@pytest.mark.parametrize("delimiter", ["1", "-", "e", "%"])
def test_numbers_are_quoted_where_one_of_their_characters_parts_cells(delimiter):
    layout = Layout(delimiter=delimiter)
    for kind, value in ((Kind.INTEGER, -121), (Kind.FLOAT, -1.1e300)):
        data = encoded(["x", "y"], [[value, value]], layout=layout, kind=kind)
        assert read(data, delimiter)[1] == [str(value)] * 2


def test_json_lines_have_no_guard():
    assert encoded(["=a"], [["=1+1"]], layout=Layout("jsonl"), kind=Kind.TEXT) == b'{"=a":"=1+1"}\n'


@pytest.mark.parametrize("delimiter", [";", "|", "\t", "§"])
def test_another_delimiter_can_be_chosen(delimiter):
    layout = Layout(delimiter=delimiter)
    rows = [["a,b", f"c{delimiter}d"]]
    data = encoded(["x", "y"], rows, layout=layout)
    assert read(data, delimiter) == [["x", "y"], *rows]
    assert data.decode().endswith(f'a,b{delimiter}"c{delimiter}d"\n')


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "\r", "\0"])
def test_what_cannot_part_cells_is_refused(delimiter):
    with pytest.raises(OutputError, match="Choose one character"):
        encoded(["x"], layout=Layout(delimiter=delimiter))


def test_a_byte_order_mark_comes_first_if_asked_for():
    assert encoded(["id"], [[1]], layout=Layout(bom=True)) == b"\xef\xbb\xbfid\n1\n"
    assert encoded(["id"], [[1]], layout=Layout("jsonl", bom=True)) == b'{"id":1}\n'


@pytest.mark.parametrize("text", NASTY)
def test_json_gives_every_text_back(text):
    assert json.loads(encoded([text], [[text]], layout=Layout("jsonl"), kind=Kind.TEXT)) == {text: text}


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Kind.INTEGER, -(2**63), "-9223372036854775808"),
        (Kind.DECIMAL, Decimal("1E+2"), "100"),
        (Kind.DECIMAL, Decimal("-0.000000001"), "-0.000000001"),
        (Kind.DECIMAL, Decimal("NaN"), '"NaN"'),
        (Kind.FLOAT, 0.1, "0.1"),
        (Kind.FLOAT, 1e300, "1e+300"),
        (Kind.FLOAT, float("-inf"), '"-Infinity"'),
        (Kind.BOOLEAN, False, "false"),
        (Kind.DATE, dt.date(33, 4, 3), '"0033-04-03"'),
        (Kind.MOMENT, dt.datetime.fromisoformat("2024-01-01T12:00:00.000005"), '"2024-01-01T12:00:00.000005"'),
        (Kind.TIME, dt.time(1, 2, 3), '"01:02:03"'),
        (Kind.WORD, 'a "word"', '"a \\"word\\""'),
        (Kind.ANY, {"a": [1, None, "é"]}, '{"a":[1,null,"é"]}'),
        (Kind.ANY, True, "true"),
        (Kind.ANY, 1.5, "1.5"),
        (Kind.ANY, dt.date(2024, 1, 1), '"2024-01-01"'),
        (Kind.INTEGER, "=no number, but SQLite had it", '"=no number, but SQLite had it"'),
        (Kind.TEXT, None, "null"),
    ],
)
def test_json_is_typed(kind, value, shown):
    assert encoded(["a"], [[value]], layout=Layout("jsonl"), kind=kind).decode() == f'{{"a":{shown}}}\n'


def test_a_text_that_sqlite_had_among_numbers_is_guarded_all_the_same():
    assert encoded(["a"], [[1], ["=1+1"]], layout=Layout(), kind=Kind.INTEGER) == b"a\n1\n'=1+1\n"
