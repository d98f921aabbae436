"""gzip that repeats byte for byte, with ISA-L or without."""

from __future__ import annotations

import gzip
import random
import threading

import pytest

from brokerless.exports import compression

TEXT = b"".join(b"%d,Book %d\n" % (number, number * number) for number in range(60_000))


def compress(*pieces: bytes) -> bytes:
    return b"".join(compression.gzipped(pieces))


@pytest.fixture(params=["isal", "zlib"])
def library(request, monkeypatch):
    if request.param == "zlib":
        monkeypatch.setattr(compression, "igzip", None)
    else:
        pytest.importorskip("isal")


def test_it_is_read_back_as_it_was(library):
    assert gzip.decompress(compress(TEXT)) == TEXT


def test_the_same_twice_gives_the_same_bytes(library):
    assert compress(TEXT) == compress(TEXT)


def test_the_bytes_do_not_depend_on_the_size_of_the_writes(library):
    chance = random.Random(1)
    pieces, rest = [], TEXT
    while rest:
        size = chance.randint(1, 90_000)
        pieces.append(rest[:size])
        rest = rest[size:]
    assert compress(*pieces) == compress(TEXT)


def test_pieces_are_of_one_size_but_the_last():
    sizes = (1, compression.PIECE, 5, 3 * compression.PIECE, 7)
    assert [len(piece) for piece in compression.of_one_size(map(bytes, sizes))] == [compression.PIECE] * 4 + [13]
    assert [*compression.of_one_size([])] == []


def test_the_header_holds_neither_name_nor_time(library):
    header = compress(b"x")[:10]
    assert header[:4] == b"\x1f\x8b\x08\x00"  # no flag: no file name follows
    assert header[4:8] == bytes(4)


def test_nothing_is_an_empty_file_in_gzip(library):
    assert gzip.decompress(compress()) == b""


def test_what_the_source_raises_comes_through_and_no_thread_stays(library):
    def failing():
        yield TEXT
        raise KeyError("source")

    before = threading.active_count()
    with pytest.raises(KeyError, match="source"):
        b"".join(compression.gzipped(failing()))
    assert threading.active_count() == before


def test_given_up_in_the_middle_no_thread_stays(library):
    before = threading.active_count()
    pieces = compression.gzipped([TEXT] * 5)
    next(pieces)
    pieces.close()
    assert threading.active_count() == before


def test_it_is_smaller(library):
    assert len(compress(TEXT)) < len(TEXT) / 2
