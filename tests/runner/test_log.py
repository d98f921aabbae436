"""The log within its limit, and on a disk that is full."""

from __future__ import annotations

import os

import pytest

from brokerless.log import LogWriter


@pytest.fixture
def written(tmp_path):
    """Write chunks through a LogWriter and return the file's bytes."""

    def write(*chunks, limit=100):
        path = tmp_path / "log"
        writer = LogWriter(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), limit=limit)
        for chunk in chunks:
            writer.write(chunk)
        writer.close()
        return path.read_bytes()

    return write


def test_what_fits_is_written_as_it_is(written):
    assert written(b"a" * 50, b"b" * 50) == b"a" * 50 + b"b" * 50


def test_beyond_the_limit_the_head_and_the_tail_are_kept(written):
    log = written(b"h" * 75, b"m" * 1000, b"t" * 25)
    assert log == b"h" * 75 + "\n[… 1,000 bytes left out …]\n".encode() + b"t" * 25


def test_a_single_chunk_larger_than_the_limit_is_cut_in_the_middle(written):
    log = written(b"h" * 75 + b"m" * 100_000 + b"t" * 25)
    assert log.startswith(b"h" * 75 + b"\n")
    assert log.endswith(b"\n" + b"t" * 25)
    assert b"100,000 bytes left out" in log


def test_many_small_chunks_keep_exactly_the_last_bytes(written):
    log = written(*[bytes([65 + n % 26]) for n in range(1000)])
    assert log[:75] == bytes(65 + n % 26 for n in range(75))
    assert log[-25:] == bytes(65 + n % 26 for n in range(975, 1000))


def test_what_a_full_disk_does_not_take_is_dropped():
    writer = LogWriter(os.open("/dev/full", os.O_WRONLY), limit=100)
    writer.write(b"x" * 200)
    writer.close()
    assert writer._dropped > 100


def test_what_a_reader_sees_while_it_is_written(tmp_path):
    path = tmp_path / "log"
    writer = LogWriter(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), limit=100)
    writer.write(b"seen at once\n")
    assert path.read_bytes() == b"seen at once\n"
    writer.close()
