"""The log within its limit, on a disk that is full, and of a monitor that was killed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from brokerless.log import LogWriter
from brokerless.log_tail import TailWriter, join_tail


@pytest.fixture
def log(tmp_path):
    return tmp_path / "1.log"


@pytest.fixture
def writer(log):
    """Open a LogWriter; what the test does not close ends as by kill -9."""
    opened = []

    def open_writer(*, limit=100):
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        opened.append(LogWriter(descriptor, log, limit=limit))
        return opened[-1]

    yield open_writer
    for made in opened:
        if made._tail is not None:
            made._tail.close()
        try:
            os.close(made._descriptor)
        except OSError:
            continue  # closed by the test


@pytest.fixture
def written(writer, log):
    """Write chunks through a LogWriter and return the file's bytes; nothing lies beside it."""

    def write(*chunks, limit=100):
        made = writer(limit=limit)
        for chunk in chunks:
            made.write(chunk)
            assert size_on_disk(log) <= limit
        made.close()
        assert list(log.parent.iterdir()) == [log]
        return log.read_bytes()

    return write


def size_on_disk(log):
    return sum(path.stat().st_size for path in log.parent.iterdir())


def test_what_fits_is_written_as_it_is(written):
    assert written(b"a" * 50, b"b" * 54, limit=104) == b"a" * 50 + b"b" * 54


def test_beyond_the_limit_the_head_and_the_tail_are_kept(written):
    log = written(b"h" * 80, b"m" * 1000, b"t" * 24, limit=96)
    assert log == b"h" * 72 + "\n[… 1,008 bytes left out …]\n".encode() + b"t" * 24


def test_a_single_chunk_larger_than_the_limit_is_cut_in_the_middle(written):
    log = written(b"h" * 72 + b"m" * 100_000 + b"t" * 24, limit=96)
    assert log == b"h" * 72 + "\n[… 100,000 bytes left out …]\n".encode() + b"t" * 24


@pytest.mark.parametrize("count", [76, 88, 97, 100, 111, 1000, 1001])
def test_of_many_small_chunks_the_head_and_the_last_bytes_are_kept(written, count):
    def letters(start, stop):
        return bytes(65 + n % 26 for n in range(start, stop))

    log = written(*[letters(n, n + 1) for n in range(count)], limit=96)
    assert log.startswith(letters(0, 72))
    head, found, tail = log.partition("\n[… ".encode())
    if not found:
        assert log == letters(0, count)
        return
    size, _, tail = tail.partition(" bytes left out …]\n".encode())
    assert 12 <= len(tail) <= 24
    assert tail == letters(count - len(tail), count)
    assert int(size.replace(b",", b"")) + len(head) + len(tail) == count


def test_what_a_full_disk_does_not_take_is_dropped(log):
    made = LogWriter(os.open("/dev/full", os.O_WRONLY), log.parent / "no directory" / "1.log", limit=100)
    made.write(b"x" * 200)
    made.close()
    assert not log.exists()


def test_what_a_reader_sees_while_it_is_written(writer, log):
    writer().write(b"seen at once\n")
    assert log.read_bytes() == b"seen at once\n"


def test_after_a_kill_the_end_is_joined_to_the_log_once(writer, log):
    made = writer(limit=96)
    made.write(b"h" * 72)
    for number in range(100):
        made.write(b"%9d\n" % number)
    join_tail(log)
    found = log.read_bytes()
    assert found.startswith(b"h" * 72 + b"\n")
    assert b"bytes left out" in found
    assert found.endswith(b"       99\n")
    assert len(found) <= 96 + 40
    join_tail(log)
    assert log.read_bytes() == found
    assert list(log.parent.iterdir()) == [log]


def test_several_who_find_the_monitor_dead_join_the_end_once(writer, log):
    writer(limit=96).write(b"h" * 72 + b"m" * 1000 + b"t" * 24)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(join_tail, [log] * 4))
    assert log.read_bytes().count(b"t" * 24) == 1


def test_what_cannot_be_joined_stays_where_it_is(writer, log, monkeypatch):
    """As on a full disk, which takes a part only."""
    writer(limit=96).write(b"h" * 72 + b"t" * 100)
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, text: real(descriptor, text[:5]))
    before = sorted((path.name, path.read_bytes()) for path in log.parent.iterdir())
    join_tail(log)
    assert sorted((path.name, path.read_bytes()) for path in log.parent.iterdir()) == before


def test_other_files_beside_a_log_are_left_alone(log):
    for name in ("1.log", "1.log.draft", "11.log.5"):
        (log.parent / name).write_bytes(b"other")
    join_tail(log)
    assert log.read_bytes() == b"other"
    assert len(list(log.parent.iterdir())) == 3


def test_a_link_in_the_place_of_a_log_is_not_followed(log, tmp_path):
    (tmp_path / "victim").write_bytes(b"")
    log.symlink_to(tmp_path / "victim")
    (tmp_path / "1.log.0").write_bytes(b"x")
    join_tail(log)
    assert (tmp_path / "victim").read_bytes() == b""


def test_an_end_that_cannot_be_kept_holds_nobody_up(log):
    tail = TailWriter(log.parent / "no directory" / "1.log", limit=10)
    tail.write(b"x" * 100)
    tail.close()
