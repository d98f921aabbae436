"""A file appears under its name when it is complete, private, and not before."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest

from brokerless.exceptions import LeaseLost
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.layout import Layout
from brokerless.exports.registry import get_exporter
from brokerless.exports.writing import Export, new_file, write
from library.models import Book
from tests.exporting.making import make_book, make_many_books
from tests.exporting.reading import names_in, read_csv, read_file


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def books(**keywords) -> Export:
    return Export(Book.objects.order_by("pk"), get_exporter("books").get_columns(), unit="books", **keywords)


def test_the_numbers_are_those_of_the_file(db, tmp_path):
    make_many_books(3)
    path = tmp_path / "books.csv.gz"
    with path.open("wb") as file:
        written = write(books(), file)
    data = path.read_bytes()
    assert (written.rows, written.bytes) == (3, len(data))
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert len(read_file(path)) == 3


def test_without_compression_it_is_plain_text(db, tmp_path):
    make_book("Ulysses")
    path = tmp_path / "books.csv"
    with path.open("wb") as file:
        write(books(layout=Layout(compress="none")), file)
    (row,) = read_csv(path.read_bytes())
    assert row["title"] == "Ulysses"


def test_no_row_makes_a_file_with_a_header(db, tmp_path):
    path = tmp_path / "books.csv"
    with path.open("wb") as file:
        assert write(books(layout=Layout(compress="none")), file).rows == 0
    assert path.read_text().startswith("id,source_id,title,author,")
    assert read_csv(path.read_bytes()) == []


def test_in_a_task_the_rows_are_its_progress(in_task, tmp_path):
    make_many_books(5)
    task = in_task()
    with (tmp_path / "x").open("wb") as file:
        write(books(quiet=True), file)
    assert task._end.told == [("progress", {"unit": "books", "message": ""})]
    assert 5 in task._end.numbers


def test_until_it_is_complete_it_has_another_name(tmp_path):
    final = tmp_path / "books.csv"
    with new_file(final) as file:
        file.write(b"half")
        (temporary,) = names_in(tmp_path)
        assert temporary.startswith(".books.csv.")
        assert temporary.endswith(".partial")
        assert mode(tmp_path / temporary) == 0o600
        file.write(b" and half")
    assert names_in(tmp_path) == ["books.csv"]
    assert final.read_bytes() == b"half and half"


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_it_is_private_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        with new_file(tmp_path / "books.csv"):
            pass
    finally:
        os.umask(before)
    assert mode(tmp_path / "books.csv") == 0o600


def test_it_is_on_the_disk_before_it_has_its_name_and_the_name_after(tmp_path, monkeypatch):
    final = tmp_path / "books.csv"
    synced = []

    def fsync(descriptor):
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), final.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with new_file(final) as file:
        file.write(b"x")
    assert synced == [(False, False), (True, True)]


def test_an_older_file_stays_whole_until_it_is_replaced(tmp_path):
    final = tmp_path / "books.csv"
    final.write_bytes(b"old")
    with new_file(final) as file:
        file.write(b"new")
        assert final.read_bytes() == b"old"
    assert final.read_bytes() == b"new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError, SystemExit])
def test_after_an_error_the_older_file_is_there_and_no_other(tmp_path, error):
    final = tmp_path / "books.csv"
    final.write_bytes(b"old")

    def fail():
        with new_file(final) as file:
            file.write(b"new")
            raise error("something")

    with pytest.raises(OutputError if error is OSError else error):
        fail()
    assert names_in(tmp_path) == ["books.csv"]
    assert final.read_bytes() == b"old"


def test_two_at_once_under_one_name_do_not_touch_each_other(tmp_path):
    final = tmp_path / "books.csv"
    with new_file(final) as first:
        first.write(b"first")
        with new_file(final) as second:
            second.write(b"second")
        assert final.read_bytes() == b"second"
    assert final.read_bytes() == b"first"
    assert names_in(tmp_path) == ["books.csv"]


def test_a_missing_directory_is_said(tmp_path):
    final = tmp_path / "missing" / "books.csv"
    with pytest.raises(OutputError, match=r"cannot be written: No such file or directory\."), new_file(final):
        pass


def test_a_file_where_a_directory_should_be_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    final = tmp_path / "file" / "books.csv"
    with pytest.raises(OutputError, match=r"cannot be written: Not a directory\."), new_file(final):
        pass


def test_a_directory_of_that_name_is_refused(tmp_path):
    (tmp_path / "books.csv").mkdir()
    with pytest.raises(OutputError, match="is a directory"), new_file(tmp_path / "books.csv"):
        pass
    assert names_in(tmp_path) == ["books.csv"]


def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="is no file but a device or a pipe"), new_file(tmp_path / "pipe"):
        pass
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_name_that_is_too_long_is_said(tmp_path):
    with pytest.raises(OutputError, match="File name too long"), new_file(tmp_path / ("x" * 300)):
        pass


def test_the_temporary_file_does_not_follow_a_link(tmp_path, in_task):
    task = in_task()
    target = tmp_path / "victim"
    target.write_text("precious")
    (tmp_path / f".books.csv.{task.id}-{task.lease}.partial").symlink_to(target)
    with pytest.raises(OutputError), new_file(tmp_path / "books.csv") as file:
        file.write(b"x")
    assert target.read_text() == "precious"


def test_in_a_task_the_temporary_name_is_noted_before_the_file_is_made(tmp_path, in_task):
    task = in_task()
    noted = []
    task.note_temporary = lambda path: noted.append((path, path.exists()))
    with new_file(tmp_path / "books.csv"):
        (made,) = names_in(tmp_path)
    assert noted == [(tmp_path / made, False)]
    assert str(task.id) in made


def test_whoever_finishes_the_task_can_remove_what_is_left(tmp_path, in_task):
    task = in_task()
    with new_file(tmp_path / "books.csv"):
        (made,) = [path for path in tmp_path.iterdir() if path.name.startswith(".books")]
        assert task._files.remove_temporary() == [made]
        made.touch()  # as the block goes on


def test_a_task_that_lost_its_lease_publishes_nothing(tmp_path, in_task):
    task = in_task()
    task._end.lost = LeaseLost("somebody else's")
    directory = tmp_path / "out"
    directory.mkdir()
    with pytest.raises(LeaseLost), new_file(directory / "books.csv") as file:
        file.write(b"x")
    assert names_in(directory) == []
    assert task._end.renewals == 1
