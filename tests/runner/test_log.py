"""The log within its limit, on a disk that is full, of a monitor that was killed, and as it is read meanwhile."""

from __future__ import annotations

import os
import threading

import pytest

from brokerless import log_file
from brokerless.log import LogWriter
from brokerless.log_tail import TailWriter, left_out_words


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
    """Write chunks through a LogWriter and return what is read of it, in one go and in small steps."""

    def write(*chunks, limit=100):
        made = writer(limit=limit)
        for chunk in chunks:
            made.write(chunk)
            assert size_on_disk(log) <= limit
        before = read_all(log)
        made.close()
        assert read_all(log) == before == read_all(log, limit=7)
        return before

    return write


def read_all(log, *, limit=1_000_000):
    """Read a log to its end, as who follows it does."""
    found, offset = b"", 0
    while True:
        reading = log_file.read(log, offset, limit)
        if not reading.data:
            return found
        found += left_out_words(reading.left_out) + reading.data
        assert reading.next_offset == offset + reading.left_out + len(reading.data)
        offset = reading.next_offset


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


def test_after_a_kill_the_end_is_there(writer, log):
    made = writer(limit=96)
    made.write(b"h" * 72)
    for number in range(100):
        made.write(b"%9d\n" % number)
    found = read_all(log)
    assert found.startswith(b"h" * 72 + b"\n[")
    assert b"bytes left out" in found
    assert found.endswith(b"       99\n")
    assert len(found) <= 96 + 40


def test_who_follows_an_over_long_log_sees_the_newest_output(writer, log):
    made = writer(limit=96)
    offset, seen = 0, b""
    for number in range(200):
        line = b"line %4d\n" % number
        made.write(line)
        reading = log_file.read(log, offset, 1000)
        assert (reading.left_out, reading.data) == (0, line)
        seen, offset = seen + reading.data, reading.next_offset
    assert (offset, log_file.size_of(log)) == (2000, 2000)
    made.close()
    assert log_file.read(log, offset, 1000).data == b""
    assert len(read_all(log)) < len(seen)


def test_who_is_behind_is_told_how_much_was_missed_and_goes_on_with_the_newest(writer, log):
    made = writer(limit=96)
    made.write(b"h" * 72 + b"0" * 5)
    offset = log_file.read(log, 0, 1000).next_offset
    made.write(b"1" * 500 + b"the end")
    reading = log_file.read(log, offset, 1000)
    assert reading.left_out > 400
    assert reading.data.endswith(b"the end")
    assert reading.next_offset == 72 + 5 + 500 + len(b"the end")


def test_both_sides_of_a_gap_are_never_read_at_once(writer, log):
    writer(limit=96).write(b"h" * 72 + b"m" * 1000 + b"t" * 24)
    reading = log_file.read(log, 70, 1000)
    assert (reading.data, reading.is_whole) == (b"hh", True)
    reading = log_file.read(log, reading.next_offset, 1000)
    assert (reading.left_out, reading.data, reading.is_whole) == (1000, b"t" * 24, False)


def test_reading_and_writing_at_once(writer, log):
    """Pieces vanish while they are read; what is read is in order and only ever says what is left out."""
    made, total = writer(limit=2000), 30_000
    writing = threading.Thread(target=lambda: [made.write(b"%07d\n" % number) for number in range(total)])
    writing.start()
    offset, steps = 0, 0
    while writing.is_alive() or offset < log_file.size_of(log):
        reading = log_file.read(log, offset, 64)
        start, offset = reading.next_offset - len(reading.data), reading.next_offset
        assert reading.data == bytes((b"%07d\n" % (at // 8))[at % 8] for at in range(start, offset))
        steps += bool(reading.data)
    writing.join()
    assert offset == 8 * total
    assert steps > 2000 // 64


def test_what_a_full_disk_does_not_take_of_the_end_leaves_the_rest_in_its_place(log, monkeypatch):
    log.write_bytes(b"")
    tail = TailWriter(log, limit=40)
    tail.write(b"0123456789")
    monkeypatch.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    tail.write(b"abcde")
    monkeypatch.undo()
    tail.write(b"ABCDE")
    tail.close()
    assert read_all(log) == b"0123456789" + bytes(5) + b"ABCDE"


def test_other_files_beside_a_log_are_not_read(log):
    for name in ("1.log", "1.log.draft", "11.log.5"):
        (log.parent / name).write_bytes(b"other")
    assert read_all(log) == b"other"


def test_a_link_in_the_place_of_a_log_is_not_followed(log, tmp_path):
    (tmp_path / "victim").write_bytes(b"secret")
    log.symlink_to(tmp_path / "victim")
    assert (read_all(log), log_file.exists(log)) == (b"", False)
    log.unlink()
    log.write_bytes(b"head\n")
    (tmp_path / "1.log.0").symlink_to(tmp_path / "victim")
    assert (read_all(log), log_file.exists(log)) == (b"head\n", True)


def test_an_end_that_cannot_be_kept_holds_nobody_up(log):
    tail = TailWriter(log.parent / "no directory" / "1.log", limit=10)
    tail.write(b"x" * 100)
    tail.close()
