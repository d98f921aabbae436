"""A command's output as plain text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brokerless.log_text import plain

# What hostile and usual output is made of, so that sequences begin, end and are cut in every way.
PARTS = (
    "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b\\", "\x9b", "\x9d", "\x90", "\x9c", "\x85", "\a", "\b", "\r", "\n",
    "\r\n", "\t", "\0", "\v", "\x7f", "\x18", "[", "]", "0;", "31m", "1G", "K", "a", "é", "漢", "אב",
    "\u202e", "\u2066", "\u2069",
)  # fmt: skip
OUTPUTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=30).map("".join)
NOT_PLAIN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff]")
MANY = 10_000_000  # characters
LINEAR = 20.0  # seconds; a machine of 2020 needs two, and quadratic time would be days


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("as it is\n\tand was – é 漢\n", "as it is\n\tand was – é 漢\n"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[38:2::255:0:0mred\x1b[m", "red"),
        ("a\x1b[?25lb\x1b[?25h", "ab"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]0;a title\x1b\\text", "text"),
        ("\x9d0;a title\x9ctext", "text"),
        ("\x1b]8;;https://example.org/\x1b\\a link\x1b]8;;\x1b\\", "a link"),
        ("a\x1bPq#0;2;0;0;0\x1b\\b\x1b_Gf=100;AAAA\x1b\\c\x1b^p\x1b\\d\x1bXs\x1b\\e", "abcde"),
        ("a\x1b(Bb\x1b7c\x1b8d\x1b=e\x1bMf\x1b#8g", "abcdefg"),
        ("a\x1b\x1b[1mb", "ab"),
    ],
)
def test_escape_sequences_are_removed(output, text):
    assert plain(output) == text


@pytest.mark.parametrize(
    "unfinished", ["\x1b", "\x1b[", "\x1b[31", "\x1b[31 ", "\x1b]0;title", "\x1bPq", "\x9b1", "\x1b("]
)
def test_an_unfinished_sequence_hides_nothing_but_the_rest_of_its_line(unfinished):
    assert plain(f"a{unfinished}\nb") == "a\nb"
    assert plain(f"a{unfinished}") == "a"


def test_what_looks_like_a_sequence_and_is_none_stays():
    assert plain("[31m and ]0;title and \\") == "[31m and ]0;title and \\"


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("one\r\r\ntwo", "one\ntwo"),
        (" 10%\r 20%\r100%\n", "100%\n"),
        ("\r 10%\r 20%", " 20%"),
        (" 10%\r", " 10%"),
        ("longer than\rshort\n", "short\n"),
        ("50%\r\x1b[K\n", "50%\n"),
        ("50%\r\x1b[2K60%\n", "60%\n"),
        ("50%\x1b[2K\x1b[1G60%\x1b[G70%\n", "70%\n"),
        ("a\n1%\r2%\nb\n", "a\n2%\nb\n"),
    ],
)
def test_of_a_line_that_is_rewritten_the_last_state_is_kept(output, text):
    assert plain(output) == text


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("|\b/\b-\bdone", "done"),
        ("abc\b \b", "ab"),
        ("\b\ba", "a"),
        ("a\n\bb", "a\nb"),
        ("ab\r\bc", "c"),
        ("_\bX", "X"),
    ],
)
def test_a_backspace_takes_one_character_of_its_line_away(output, text):
    assert plain(output) == text


def test_other_control_characters_are_removed_and_what_ends_a_line_does():
    assert plain("a\0b\x07c\x7fd\x18e\x80f") == "abcdef"
    assert plain("a\vb\fc\x85d") == "a\nb\nc\nd"


def test_characters_that_cannot_be_seen_are_removed_and_joiners_stay():
    assert plain("\ufeffpay\u200bpal.com") == "paypal.com"
    assert plain("👩\u200d💻 می\u200cخواهم") == "👩\u200d💻 می\u200cخواهم"


def test_separators_of_unicode_end_a_line():
    assert plain("one\u2028two\u2029 10%\r 20%") == "one\ntwo\n 20%"


def test_nothing_turns_the_direction_of_writing_around():
    assert plain("user\u202etxt.exe\u202c \u2066a\u2069") == "usertxt.exe a"
    assert plain("שלום \u200f!") == "שלום \u200f!"


@given(OUTPUTS)
@example("\x1b\x1b[[1m")
@example("\b\x1b\b[1m")
@example("\r\x9b1G\x85")
def test_the_text_is_plain_and_stays_as_it_is(output):
    text = plain(output)
    assert not NOT_PLAIN.search(text)
    assert plain(text) == text


@given(OUTPUTS, OUTPUTS)
def test_lines_are_plain_each_by_itself(first, second):
    assert plain(f"{first}\n{second}") == f"{plain(first)}\n{plain(second)}"


@pytest.mark.parametrize(
    "part",
    [
        "\x1b",
        "\x1b[",
        "\x1b[1",
        "\x1b]",
        "\x1b]0;a",
        "\x1bP\n",
        "\x90",
        "\x90\n",
        "\x9b",
        "\r",
        "a\r",
        "\b",
        "a\b",
        "\u202e",
    ],
)
def test_hostile_output_takes_linear_time(part):
    output = part * (MANY // len(part))
    began = time.monotonic()
    plain(output)
    assert time.monotonic() - began < LINEAR
