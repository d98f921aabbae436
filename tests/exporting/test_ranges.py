"""`Range`: which part of a file is wanted, as RFC 9110 has it."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from brokerless.exports.files.ranges import UnsatisfiableRange, wanted_range

SIZE = 1000
ETAG = '"5d41402abc4b2a76b9719d911017c592"'
MODIFIED = "Sat, 21 Nov 2026 10:00:00 GMT"


def wanted(range_header: str | None, *, size: int = SIZE, method: str = "GET", **headers: str):
    given = headers | ({} if range_header is None else {"Range": range_header})
    request = RequestFactory().generic(method, "/", headers=given)
    return wanted_range(request, size=size, etag=ETAG, last_modified=MODIFIED)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-499", 0, 499),
        ("bytes=500-", 500, 999),
        ("bytes=-200", 800, 999),
        ("bytes=0-0", 0, 0),
        ("bytes=999-", 999, 999),
        ("bytes=-1", 999, 999),
        # More than there is: what there is.
        ("bytes=900-5000", 900, 999),
        ("bytes=-5000", 0, 999),
        # A unit is read in any case (RFC 9110, 14.1).
        ("Bytes=0-9", 0, 9),
        ("bytes=0-9 ", 0, 9),
    ],
)
def test_one_range_is_that_part(header, first, last):
    found = wanted(header)
    assert (found.first, found.last, found.length) == (first, last, last - first + 1)
    assert found.content_range == f"bytes {first}-{last}/{SIZE}"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes=0-1,5-9",
        "bytes=9-5",
        "lines=0-5",
        "bytes=a-b",
        "bytes=0x1-5",
        "bytes=+1-5",
        "bytes=-1-5",
        "bytes=٠-٩",
        f"bytes={'9' * 5000}-",
    ],
)
def test_what_is_no_single_range_of_bytes_is_the_whole_file(header):
    assert wanted(header) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=5000-", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_had(header):
    with pytest.raises(UnsatisfiableRange, match="1000 bytes"):
        wanted(header)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5"])
def test_nothing_of_an_empty_file_can_be_had(header):
    with pytest.raises(UnsatisfiableRange):
        wanted(header, size=0)


@pytest.mark.parametrize("known", [ETAG, MODIFIED])
def test_the_rest_of_the_same_file_is_sent(known):
    assert wanted("bytes=500-", **{"If-Range": known}).first == 500


@pytest.mark.parametrize("known", ['"another"', f"W/{ETAG}", "Sat, 21 Nov 2026 10:00:01 GMT", "nonsense", ""])
def test_a_client_that_has_the_beginning_of_another_file_gets_the_whole(known):
    assert wanted("bytes=500-", **{"If-Range": known}) is None


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_only_get_has_ranges(method):
    assert wanted("bytes=500-", method=method) is None
    assert wanted("bytes=5000-", method=method) is None
