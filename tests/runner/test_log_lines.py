"""A log in pieces of whole lines."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokerless.log_lines import read_end, read_lines
from brokerless.log_text import plain
from tests.runner.test_log_text import OUTPUTS

LIMIT = 64  # bytes


@pytest.fixture
def log(tmp_path):
    return tmp_path / "1.log"


def follow(log, *, limit=LIMIT, is_complete=True, offset=0):
    """Return the pieces of a log, read until nothing more comes, and where that is."""
    texts = []
    while True:
        lines = read_lines(log, offset, limit, is_complete=is_complete)
        assert lines.next_offset >= offset
        if lines.next_offset == offset:
            return texts, offset
        texts.append(lines.text)
        offset = lines.next_offset


@given(
    st.lists(OUTPUTS.filter(lambda line: len(line.encode("utf-8", "replace")) < LIMIT), max_size=20), st.booleans()
)
def test_the_pieces_are_the_whole(lines, ends):
    data = "\n".join(lines).encode("utf-8", "replace") + b"\n" * ends
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "1.log"
        log.write_bytes(data)
        texts, offset = follow(log)
    assert offset == len(data)
    assert "".join(texts) == plain(data.decode("utf-8", "replace"))


@given(st.binary(max_size=300))
def test_every_byte_is_read_once_whatever_there_is(data):
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "1.log"
        log.write_bytes(data)
        assert follow(log)[1] == len(data)


def test_a_line_that_is_not_finished_is_shown_and_comes_again(log):
    log.write_bytes(b"one\ntwo")
    lines = read_lines(log, 0, LIMIT, is_complete=False)
    assert lines == ("one\n", "two", 4, 7, False)
    log.write_bytes(b"one\ntwo and a half\n")
    assert read_lines(log, 4, LIMIT, is_complete=False)[:3] == ("two and a half\n", "", 19)


def test_the_last_line_of_a_log_that_is_complete_is_a_whole_one(log):
    log.write_bytes(b"one\ntwo")
    assert read_lines(log, 0, LIMIT, is_complete=True) == ("one\ntwo", "", 7, 7, True)


def test_a_bar_shows_its_state_while_it_is_rewritten_and_stays_in_the_log_once(log):
    shown, offset = [], 0
    with log.open("wb") as file:
        for percent in range(0, 101, 10):
            file.write(b"\r%3d%%" % percent)
            file.flush()
            lines = read_lines(log, offset, LIMIT, is_complete=False)
            shown.append(lines.line)
            assert lines.text == ""
            offset = lines.next_offset
        file.write(b"\n")
    assert shown == [f"{percent:3}%" for percent in range(0, 101, 10)]
    assert "".join(follow(log, offset=offset)[0]) == "100%\n"


def test_a_bar_that_is_longer_than_a_piece_is_skipped_to_its_last_state(log):
    log.write_bytes(b"".join(b"\r%3d%%" % percent for percent in range(100)))
    texts, offset = follow(log, is_complete=False)
    assert "".join(texts) == ""
    assert read_lines(log, offset, LIMIT, is_complete=False).line == " 99%"


def test_a_line_longer_than_a_piece_is_cut_between_characters_and_sequences(log):
    data = ("é" * 31 + "x\x1b[31;1m漢\x1b[0m" + "y" * 100).encode()
    log.write_bytes(data + b"\n")
    texts, _ = follow(log)
    assert "".join(texts) == plain(data.decode()) + "\n"
    assert len(texts) > 2


def test_who_begins_within_a_character_does_not_see_the_rest_of_it(log):
    log.write_bytes("漢字\n".encode())
    assert read_lines(log, 1, LIMIT, is_complete=True).text == "字\n"


@pytest.mark.parametrize("content", [b"\xff", b"a\xfe", b"\x80" * 10, bytes(range(0xF8, 0x100))])
def test_binary_output_is_read_to_its_end(log, content):
    log.write_bytes(content)
    lines = read_lines(log, 0, 100, is_complete=True)
    assert lines.next_offset == len(content)
    assert "\N{REPLACEMENT CHARACTER}" in lines.text


def test_what_is_left_out_is_put_in_words_between_whole_lines(log):
    log.write_bytes(b"head, cu")
    log.with_name("1.log.1000").write_bytes(b"off\nthe end")
    texts, offset = follow(log)
    assert texts == ["head, cu", "\n[… 1,000 bytes left out …]\noff\nthe end"]
    assert offset == 1019
    assert read_end(log, 5, size=1019, is_complete=True).text == "e end"
    assert read_end(log, 1015, size=1019, is_complete=True).text == "".join(texts)[4:]


def test_the_head_and_the_end_are_one_where_nothing_is_left_out(log):
    log.write_bytes(b"first\nsec")
    log.with_name("1.log.0").write_bytes(b"ond\n")
    assert read_lines(log, 0, LIMIT, is_complete=False) == ("first\nsecond\n", "", 13, 13, False)


def test_without_a_log_there_is_nothing(log):
    assert read_lines(log, 0, LIMIT, is_complete=False) == ("", "", 0, 0, False)
    assert read_end(log, LIMIT, size=0, is_complete=True) == ("", "", 0, 0, True)
