"""Whose the runtime directory is: no sweep takes another database's files, or a living task's, for nobody's."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from brokerless import directory_stamp, inline, purging, sweeping
from brokerless.models import TaskState
from brokerless.processes import TASK_VARIABLE
from brokerless.purging import purge, purge_daily
from brokerless.runtime_dir import TaskFiles
from brokerless.testing import inline_tasks
from tests.at_once import at_once
from tests.eventually import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runtime_dir")]

MONTH = timedelta(days=30)


@pytest.fixture
def site(monkeypatch):
    """Play a process of a site, whose database is that of the test."""
    monkeypatch.setattr(inline, "is_test_run", lambda: False)


@contextmanager
def another_database(**values):
    """Have the settings name another database, while the connection stays."""
    connection.ensure_connection()
    before = dict(connection.settings_dict)
    connection.settings_dict.update(values or {"NAME": "/elsewhere/db.sqlite3"})
    try:
        yield
    finally:
        connection.settings_dict.update(before)


def make_files(pk=None):
    """Make a task's directory, last changed two days ago."""
    files = TaskFiles(pk or uuid4(), 1)
    os.close(files.open_log())
    grow_old(files)
    return files


def grow_old(files):
    moment = time.time() - 2 * 86_400
    for path in (*files.directory.iterdir(), files.directory):
        os.utime(path, (moment, moment))


def sweep(**options):
    return purge(older_than=MONTH, **options)


# A test's database


def test_in_a_test_the_site_s_directories_are_left_alone_and_that_is_said(runtime_dir):
    files = make_files()
    removed = sweep()
    assert (removed.directories, files.log.exists()) == (0, True)
    assert removed.left == [
        f"{runtime_dir}: a test's database knows nothing of the tasks here; see brokerless.testing"
    ]


def test_in_a_test_nothing_is_purged_by_itself(runtime_dir):
    make_files()
    assert not purging.is_due()
    assert purge_daily() is None


def test_a_test_does_not_stamp_the_site_s_directory(runtime_dir):
    make_files()
    sweep()
    assert directory_stamp.read(runtime_dir) is None


def test_a_test_with_a_directory_of_its_own_sweeps_it():
    with inline_tasks():
        files = make_files()
        assert purging.is_due()
        assert sweep().directories == 1
        assert not files.directory.exists()


# Another database


def test_the_first_task_stamps_the_directory(site, runtime_dir):
    make_files()
    stamp = runtime_dir / ".database"
    assert stamp.read_text() == f"{directory_stamp.identity()}\n"
    assert stat.S_IMODE(stamp.stat().st_mode) == 0o600
    assert sweep().directories == 1


@pytest.mark.parametrize("is_dry_run", [True, False])
def test_what_another_database_s_tasks_left_is_not_swept(site, runtime_dir, tmp_path, is_dry_run):
    files = make_files()
    files.note_temporary(tmp_path / "half.csv")
    (tmp_path / "half.csv").touch()
    grow_old(files)
    with another_database():
        removed = sweep(is_dry_run=is_dry_run)
    assert (removed.directories, removed.temporary_files) == (0, 0)
    assert files.log.exists()
    assert (tmp_path / "half.csv").exists()
    (sentence,) = removed.left
    assert "stamped as another database's" in sentence
    assert sentence.endswith(f"remove {runtime_dir / '.database'}")


def test_the_rows_of_the_other_database_are_purged_with_their_own_files(site):
    make_files()
    long_ago = "2020-01-01T00:00Z"
    task = TaskState.objects.create(command="probe", status="FAILED", finished_at=long_ago)
    TaskState.objects.update(created_at=long_ago)
    with another_database():
        files = make_files(task.pk)
        removed = sweep()
    assert (removed.tasks, removed.directories, files.directory.exists()) == (1, 0, False)


def test_a_database_of_another_name_sweeps_once_the_stamp_is_removed(site, runtime_dir):
    files, known = make_files(), make_files(TaskState.objects.create(command="probe").pk)
    with another_database(HOST="another.example.org"):
        assert sweep().directories == 0
        (runtime_dir / ".database").unlink()
        assert sweep().directories == 1
    assert not files.directory.exists()
    assert known.log.exists()
    assert sweep().left


def test_a_directory_without_a_stamp_is_nobody_s_to_sweep_if_it_holds_none_of_the_own_tasks(site, runtime_dir):
    files = make_files()
    (runtime_dir / ".database").unlink()
    removed = sweep()
    assert (removed.directories, len(removed.left)) == (0, 1)
    assert "nothing says whose they are" in removed.left[0]
    assert directory_stamp.read(runtime_dir) is None
    make_files(uuid4())  # a task starts
    assert sweep().directories == 2
    assert not files.directory.exists()


@pytest.mark.parametrize("content", ["", "half a dig", "\udcff"])
def test_a_stamp_that_says_nothing_is_no_leave(site, runtime_dir, content):
    files = make_files()
    (runtime_dir / ".database").write_text(content, errors="surrogateescape")
    assert sweep().directories == 0
    assert files.log.exists()


def test_a_stamp_that_is_a_link_is_not_followed(site, runtime_dir, tmp_path):
    make_files()
    (tmp_path / "stamp").write_text(directory_stamp.identity())
    (runtime_dir / ".database").unlink()
    (runtime_dir / ".database").symlink_to(tmp_path / "stamp")
    assert sweep().directories == 0


def test_of_many_who_stamp_at_once_the_first_decides(site, runtime_dir):
    runtime_dir.mkdir(mode=0o700)
    at_once(8, lambda number: directory_stamp._write(runtime_dir / ".database", str(number) * 64))
    found = directory_stamp.read(runtime_dir)
    assert found == found[0] * 64
    assert [path.name for path in runtime_dir.iterdir()] == [".database"]


def test_a_stamp_that_cannot_be_written_keeps_no_task_from_its_files(site, runtime_dir, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(directory_stamp.os, "link", refuse)
    files = make_files(TaskState.objects.create(command="probe").pk)
    orphan = make_files()
    assert sweep().left == [f"{runtime_dir / '.database'}: cannot be written"]
    assert files.log.exists()
    assert orphan.log.exists()
    assert [path.name for path in runtime_dir.glob(".database*")] == []


@pytest.mark.parametrize(
    "values",
    [{"HOST": "h"}, {"PORT": "1"}, {"NAME": "/other"}, {"OPTIONS": {"service": "s"}}],
)
def test_what_names_a_database_is_part_of_its_identity(values):
    before = directory_stamp.identity()
    with another_database(**values):
        assert directory_stamp.identity() != before
    with another_database(PASSWORD="x", USER="y", CONN_MAX_AGE=7):
        assert directory_stamp.identity() == before


def test_a_sqlite_file_is_the_same_from_everywhere(tmp_path, monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("names of servers' databases are no paths")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = set()
    for name in ("db.sqlite3", tmp_path / "db.sqlite3", tmp_path / "link" / "db.sqlite3"):
        with another_database(NAME=name):
            found.add(directory_stamp.identity())
    assert len(found) == 1


def test_another_database_s_refused_sweep_does_not_take_the_day(site, runtime_dir):
    make_files()
    with another_database():
        assert purge_daily().left
        assert purge_daily() is None
    assert purge_daily().directories == 1


# What must not stop it


def test_the_files_of_a_task_whose_process_lives_are_somebody_s(site, python, monkeypatch):
    alive, dead = make_files(), make_files()
    child = python("input()", env=os.environ | {TASK_VARIABLE: f"{alive.directory.name}:1"}, stdin=-1)
    eventually(lambda: alive.directory.name in sweeping._running(), why="the process has begun")
    assert sweep().directories == 1
    assert alive.log.exists()
    assert not dead.directory.exists()
    child.stdin.close()
    child.wait()
    assert sweep().directories == 1


@pytest.mark.parametrize("note", [b"5\n", b"null\n", b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("is_dry_run", [True, False])
def test_a_note_that_cannot_be_read_stops_nothing(site, tmp_path, note, is_dry_run):
    for _ in range(3):
        files = make_files()
        files.note_temporary(tmp_path / files.directory.name)
        (tmp_path / files.directory.name).touch()
        with (files.directory / "1.temporary").open("ab") as notes:
            notes.write(note)
        grow_old(files)
    removed = sweep(is_dry_run=is_dry_run)
    assert (removed.directories, removed.temporary_files, removed.left) == (3, 3, [])


def test_one_bad_directory_stops_no_sweep(site, monkeypatch):
    bad, *good = (make_files() for _ in range(4))

    def remove(self, name, real=sweeping.RuntimeDirectory.remove):
        if name == bad.directory.name:
            raise TypeError("odd")
        return real(self, name)

    monkeypatch.setattr(sweeping.RuntimeDirectory, "remove", remove)
    removed = sweep()
    assert removed.directories == 3
    assert removed.left == [f"{bad.directory}: odd"]
    assert not any(each.directory.exists() for each in good)


def test_notes_are_read_and_removed_below_the_open_directory(site, tmp_path):
    files = make_files(
        TaskState.objects.create(command="probe", status="LOST", finished_at="2020-01-01T00:00Z").pk
    )
    TaskState.objects.update(finished_at=None)  # not old enough to be purged itself
    files.note_temporary(tmp_path / "half.csv")
    files.leave_cancel_request(by_id=1)
    (tmp_path / "half.csv").touch()
    (tmp_path / "secret").write_text("[]")
    (files.directory / "2.temporary").symlink_to(tmp_path / "secret")
    assert sweep().temporary_files == 1
    assert (tmp_path / "secret").exists()
    assert sorted(path.name for path in files.directory.iterdir()) == ["1.log"]
