"""The files of a task: private, never through a link, and gone when they should be."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path

import pytest

from brokerless.exceptions import RuntimeDirError
from brokerless.runtime_dir import TaskFiles, create_private_directory


@pytest.fixture
def files(runtime_dir):
    return TaskFiles(uuid.uuid4(), 3)


def write_log(files, content):
    with os.fdopen(files.open_log(), "wb") as log:
        log.write(content)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_directories_and_files_are_private_whatever_the_umask(files):
    before = os.umask(0)
    try:
        write_log(files, b"")
    finally:
        os.umask(before)
    assert (mode(files.directory.parent), mode(files.directory), mode(files.log)) == (0o700, 0o700, 0o600)


def test_files_are_named_from_the_id_and_the_lease(files):
    write_log(files, b"")
    assert files.log.name == "3.log"
    assert uuid.UUID(files.directory.name)


def test_a_relative_runtime_directory_lies_beside_manage_py(settings, tmp_path):
    settings.BROKERLESS = {"MANAGE_PY": tmp_path / "manage.py", "RUNTIME_DIR": "run"}
    task = uuid.uuid4()
    assert TaskFiles(task, 1).directory == tmp_path / "run" / str(task)


def test_a_directory_that_is_open_to_others_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o755)
    with pytest.raises(RuntimeDirError, match=r"is open to others \(mode 755\): run `chmod 700 "):
        create_private_directory(tmp_path / "run")


def test_a_directory_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to("elsewhere")
    with pytest.raises(RuntimeDirError, match="is a link or a file"):
        create_private_directory(tmp_path / "run")


def test_a_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(RuntimeDirError, match=r"cannot be used: File exists\."):
        create_private_directory(tmp_path / "run")


def test_a_directory_of_another_user_is_refused(tmp_path, monkeypatch):
    create_private_directory(tmp_path / "run")
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(RuntimeDirError, match=r"belongs to user \d+, but this process runs as 12345"):
        create_private_directory(tmp_path / "run")


def test_a_log_that_is_a_link_is_neither_written_nor_read(files, tmp_path):
    files.create_directory()
    (tmp_path / "victim").write_text("secret")
    files.log.symlink_to(tmp_path / "victim")
    with pytest.raises(RuntimeDirError, match=r"3\.log cannot be written"):
        files.open_log()
    assert files.read_log(0, 100)[:3] == ("", "", 0)
    assert not files.has_log
    assert (tmp_path / "victim").read_text() == "secret"


def test_temporary_files_that_were_noted_are_removed_and_others_are_not(files, tmp_path):
    noted, other, moved = tmp_path / "noted", tmp_path / "other", tmp_path / "moved away"
    for path in (noted, moved):
        files.note_temporary(path)
    noted.touch()
    other.touch()
    assert files.remove_temporary() == [noted]
    assert not noted.exists()
    assert other.exists()
    assert files.remove_temporary() == []


def test_odd_names_of_temporary_files_are_removed_too(files, tmp_path):
    odd = tmp_path / "line\nbreak \udce9"
    files.note_temporary(odd)
    odd.touch()
    assert files.remove_temporary() == [odd]


def test_a_note_that_was_cut_short_does_not_keep_the_others_from_being_removed(files, tmp_path):
    (tmp_path / "a").touch()
    files.note_temporary(tmp_path / "a")
    with files._temporary.open("a") as notes:
        notes.write('"/half a na')
    assert files.remove_temporary() == [tmp_path / "a"]


@pytest.mark.parametrize(
    "odd", [b"5", b"null", b"[1]", b"[" * 100_000, b"\xff\xfe", b'"relative"', b'"/nul\\u0000"', b"{}"]
)
def test_a_line_that_is_no_note_keeps_nothing_from_being_removed(files, tmp_path, monkeypatch, odd):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "relative"):
        (tmp_path / name).touch()
    files.note_temporary(tmp_path / "a")
    with files._temporary.open("ab") as notes:
        notes.write(odd + b"\n")
    files.note_temporary(tmp_path / "b")
    assert files.remove_temporary() == [tmp_path / "a", tmp_path / "b"]
    assert (tmp_path / "relative").exists()
    assert not files._temporary.exists()


def test_temporary_files_of_another_lease_are_left_alone(files, tmp_path, runtime_dir):
    (tmp_path / "a").touch()
    files.note_temporary(tmp_path / "a")
    assert TaskFiles(uuid.UUID(files.directory.name), 4).remove_temporary() == []
    assert (tmp_path / "a").exists()


def test_a_finish_is_stored_whole_and_read_back(files):
    assert files.read_finish() is None
    files.store_finish({"status": "FAILED"})
    assert files.read_finish() == {"status": "FAILED"}
    files.remove_finish()
    assert files.read_finish() is None


def test_a_finish_that_cannot_be_read_counts_as_none(files):
    files.create_directory()
    Path(files._finish).write_text('{"status": "FAI')
    assert files.read_finish() is None


def test_the_tail_is_the_end_of_the_log(files):
    assert (files.log_tail(), files.log_size()) == ("", 0)
    write_log(files, b"begin" + b"." * 10_000 + b"end\n")
    assert files.log_tail(limit=10) == "......end"
    assert files.log_size() == 10_009
