"""ISBN-10s become ISBN-13s, or nothing."""

from __future__ import annotations

import pytest

from library.isbn import isbn13_from_isbn10, with_check_digit


@pytest.mark.parametrize(
    ("isbn10", "isbn13"),
    [
        ("0306406152", "9780306406157"),  # the example of Wikipedia's article
        ("0141439513", "9780141439518"),
        ("014143984X", "9780141439846"),
        ("014143984x", "9780141439846"),
        ("439023483", "9780439023481"),  # one leading zero lost
        ("61120081", "9780061120084"),  # two
        ("7442912", "9780007442911"),  # three
        (" 0306406152 ", "9780306406157"),
    ],
)
def test_a_valid_isbn10_becomes_an_isbn13(isbn10, isbn13):
    assert isbn13_from_isbn10(isbn10) == isbn13


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0000000000",
        "0306406153",  # the check digit is wrong
        "X306406152",
        "030640615X",
        "03064061520",  # eleven digits
        "9780306406157",
        "0-306-40615-2",
        "9.78043902348e+12",
        "٠٣٠٦٤٠٦١٥٢",  # digits, but not those of an ISBN
        "²306406152",
        "unknown",
    ],
)
def test_what_is_no_valid_isbn10_becomes_nothing(text):
    assert isbn13_from_isbn10(text) == ""


@pytest.mark.parametrize("digits", ["030640615", "439023483"[::-1], "999999999", "123456789"])
def test_of_all_check_digits_one_is_right(digits):
    found = [isbn13_from_isbn10(digits + check) for check in "0123456789X"]
    assert len(list(filter(None, found))) == 1


@pytest.mark.parametrize("first_twelve", ["978030640615", "978000000000", "979123456789", "978999999999"])
def test_the_weighted_digits_of_an_isbn13_add_up_to_a_multiple_of_ten(first_twelve):
    isbn13 = with_check_digit(first_twelve)
    assert isbn13.startswith(first_twelve)
    assert len(isbn13) == 13
    assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(isbn13)) % 10 == 0
