"""The check of the runtime directory: as it is, or as it could be made, with nothing made for it."""

from __future__ import annotations

import os

import pytest

from brokerless.checks import directories
from brokerless.checks.directories import check_runtime_directory
from tests.runner.checking import ids


@pytest.fixture
def may_not_write(monkeypatch):
    """Have the system say so, as it says to root of a disk that is mounted to be read only."""
    monkeypatch.setattr(directories.os, "access", lambda *_, **__: False)


def make(directory, mode=0o700):
    directory.mkdir()
    directory.chmod(mode)


def test_a_directory_of_one_s_own_is_fine(runtime_dir):
    make(runtime_dir)
    assert check_runtime_directory() == []


def test_one_that_can_be_made_is_fine_and_not_made(settings, tmp_path):
    settings.BROKERLESS = settings.BROKERLESS | {"RUNTIME_DIR": tmp_path / "var" / "lib" / "tasks"}
    assert check_runtime_directory() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("user", [0, 1])
@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701, 0o777])
def test_one_that_is_open_to_others_is_said_whoever_looks(runtime_dir, monkeypatch, mode, user):
    make(runtime_dir, mode)
    monkeypatch.setattr(directories.os, "geteuid", lambda: os.getuid() + user)
    (message,) = check_runtime_directory()
    assert ids([message]) == ["brokerless.E008"]
    assert f"is open to others (mode {mode:o})" in message.msg
    assert f"chmod 700 {runtime_dir}" in message.hint


@pytest.mark.parametrize("mode", [0o500, 0o600])
def test_one_that_its_owner_cannot_use_is_said(runtime_dir, mode):
    make(runtime_dir, mode)
    (message,) = check_runtime_directory()
    assert ids([message]) == ["brokerless.E008"]
    assert f"cannot be written by its owner (mode {mode:o})" in message.msg


def test_one_that_is_a_file_is_said(runtime_dir):
    runtime_dir.touch(mode=0o700)
    assert ids(check_runtime_directory()) == ["brokerless.E008"]


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_one_that_is_a_link_is_said(runtime_dir, target):
    make(runtime_dir.with_name("elsewhere"))
    runtime_dir.symlink_to(target)
    assert ids(check_runtime_directory()) == ["brokerless.E008"]


def test_one_on_a_disk_that_cannot_be_written_is_said(runtime_dir, may_not_write):
    make(runtime_dir)
    assert ids(check_runtime_directory()) == ["brokerless.E008"]


def test_one_of_another_user_is_a_warning(runtime_dir, monkeypatch):
    """Who deploys is often not who runs the site, and must still be able to migrate."""
    make(runtime_dir)
    monkeypatch.setattr(directories.os, "geteuid", lambda: os.getuid() + 1)
    (message,) = check_runtime_directory()
    assert ids([message]) == ["brokerless.W005"]
    assert f"belongs to user {os.getuid()}, but this process runs as {os.getuid() + 1}" in message.msg


def test_one_that_this_user_may_not_make_is_a_warning(runtime_dir, may_not_write):
    (message,) = check_runtime_directory()
    assert ids([message]) == ["brokerless.W005"]
    assert f"may not make it in {runtime_dir.parent}" in message.msg


@pytest.mark.parametrize("below", ["tasks", "var/tasks"])
def test_one_below_a_file_is_said(settings, tmp_path, below):
    (tmp_path / "file").touch()
    settings.BROKERLESS = settings.BROKERLESS | {"RUNTIME_DIR": tmp_path / "file" / below}
    assert len(ids(check_runtime_directory())) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_one_in_a_directory_that_does_not_exist_is_said_by_another_check(settings):
    settings.BROKERLESS = {"DIRECTORY": "/no/such"}
    assert check_runtime_directory() == []
