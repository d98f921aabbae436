"""Directories keep the names by which this process was started."""

from __future__ import annotations

import pytest

from brokerless.launchers import command_line
from brokerless.unresolved import _names, unresolved

MANAGE_PY = "from brokerless.management import execute_from_command_line as run\nrun()\n"


@pytest.fixture
def project(tmp_path):
    """Return a link to a directory."""
    (tmp_path / "release").mkdir()
    link = tmp_path / "current"
    link.symlink_to("release")
    return link


def test_a_directory_keeps_the_name_that_this_process_was_started_by(project, monkeypatch):
    monkeypatch.setenv("PWD", str(project))
    _names.cache_clear()
    try:
        assert unresolved(project.resolve()) == project
        assert unresolved(project) == project
        assert unresolved(project.parent) == project.parent
    finally:
        _names.cache_clear()


def test_a_task_is_started_by_the_name_of_its_directory(project, monkeypatch, settings):
    monkeypatch.setenv("PWD", str(project))
    (project / "manage.py").write_text(MANAGE_PY)
    settings.BROKERLESS = settings.BROKERLESS | {"MANAGE_PY": project.resolve() / "manage.py"}
    _names.cache_clear()
    try:
        assert command_line.command_line("probe")[1:] == [str(project / "manage.py"), "probe"]
    finally:
        _names.cache_clear()
