"""gzip that repeats byte for byte, with ISA-L or without."""

from __future__ import annotations

import gzip
import io
import random
from types import SimpleNamespace

import pytest

from brokerless.exports import compression

TEXT = b"".join(b"%d,Book %d\n" % (number, number * number) for number in range(60_000))


def compress(*pieces: bytes) -> bytes:
    target = io.BytesIO()
    with compression.gzip_writer(target) as writer:
        for piece in pieces:
            writer.write(piece)
    return target.getvalue()


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


def test_what_is_written_is_passed_on_in_pieces_of_one_size():
    passed = []
    writer = compression.Repieced(SimpleNamespace(write=lambda piece: passed.append(len(piece))))
    for size in (1, compression.PIECE, 5, 3 * compression.PIECE, 7):
        writer.write(bytes(size))
    assert passed == [compression.PIECE] * 4
    writer.flush()
    assert passed == [compression.PIECE] * 4 + [13]


def test_the_header_holds_neither_name_nor_time(library):
    header = compress(b"x")[:10]
    assert header[:4] == b"\x1f\x8b\x08\x00"  # no flag: no file name follows
    assert header[4:8] == bytes(4)


def test_nothing_is_an_empty_file_in_gzip(library):
    assert gzip.decompress(compress()) == b""


def test_the_target_stays_open(library):
    target = io.BytesIO()
    with compression.gzip_writer(target) as writer:
        writer.write(b"x")
    assert not target.closed


def test_it_is_smaller(library):
    assert len(compress(TEXT)) < len(TEXT) / 2
