"""The settings' table: defaults, overrides, and what is said of wrong values."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest

from brokerless import conf
from brokerless.conf import settings as brokerless_settings


@pytest.fixture
def given(settings):
    """Set BROKERLESS to exactly these entries."""

    def give(**entries):
        settings.BROKERLESS = entries

    return give


def test_an_unset_entry_has_its_default(given):
    given()
    assert brokerless_settings.CANCEL_GRACE == 10
    assert os.cpu_count() == brokerless_settings.MAX_PROCESSES
    assert (brokerless_settings.QUEUES, brokerless_settings.MAX_UNFINISHED_PER_OWNER) == ({}, 100)
    assert (brokerless_settings.RETRY_PAUSE, brokerless_settings.LONGEST_RETRY_PAUSE) == (10, 3600)


def test_an_entry_is_read_anew_when_a_test_overrides_it(given):
    given(CANCEL_GRACE=3)
    assert brokerless_settings.CANCEL_GRACE == 3
    given(CANCEL_GRACE=4)
    assert brokerless_settings.CANCEL_GRACE == 4


def test_an_entry_that_does_not_exist_is_an_error_that_lists_those_that_do():
    with pytest.raises(AttributeError, match="BROKERLESS has no entry 'TYPO'; it has MANAGE_PY, PYTHON"):
        _ = brokerless_settings.TYPO


def test_every_entry_says_what_it_is_for_in_a_sentence():
    for setting in brokerless_settings.table.values():
        assert setting.unit
        assert setting.sentence.endswith(".")


def test_right_values_are_no_problem(given):
    given(MAX_PROCESSES=4, CANCEL_GRACE=0.5, PREFIX=["nice"], MANAGE_PY=None)
    assert brokerless_settings.problems() == []
    given(QUEUES={"exports": {"limit": 2}}, MAX_UNFINISHED_PER_OWNER=None, RETRY_PAUSE=0.5, LONGEST_RETRY_PAUSE=60)
    assert brokerless_settings.problems() == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MAX_PROCESSES", 0, "must be greater than 0 (tasks)"),
        ("MAX_PROCESSES", "4", "must be int"),
        ("MAX_PROCESSES", True, "must be int"),
        ("CANCEL_GRACE", -1, "must be greater than 0 (seconds)"),
        ("PREFIX", "nice", "must be list or tuple"),
        ("QUEUES", ["exports"], "must be dict"),
        ("MAX_UNFINISHED_PER_OWNER", 0, "must be greater than 0 (tasks)"),
        ("RETRY_PAUSE", 0, "must be greater than 0 (seconds)"),
        ("LONGEST_RETRY_PAUSE", "1h", "must be int or float"),
        ("MANAGE_PY", 3, "must be str or Path or nothing (None)"),
        ("MAX_PROCESS", 4, "is no entry of BROKERLESS; the entries are"),
    ],
)
def test_a_wrong_value_is_named_with_the_good_ones(given, name, value, words):
    given(**{name: value})
    (problem,) = brokerless_settings.problems()
    assert problem.startswith(name)
    assert words in problem


def test_settings_that_are_no_dict_are_a_problem(settings):
    settings.BROKERLESS = ["MAX_PROCESSES"]
    assert brokerless_settings.problems() == ["BROKERLESS is ['MAX_PROCESSES'], but must be a dict."]


def test_tasks_run_beside_manage_py(given):
    given(MANAGE_PY="site/manage.py")
    assert Path.cwd() / "site" == brokerless_settings.DIRECTORY


@pytest.mark.parametrize(
    ("name", "file"),
    [("shop.settings", "/srv/app/shop/settings.py"), ("settings", "/srv/app/settings.py")],
)
def test_without_manage_py_tasks_run_where_the_settings_were_imported_from(given, monkeypatch, name, file):
    given()
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", name)
    module = types.ModuleType(name)
    module.__file__ = file
    monkeypatch.setitem(sys.modules, name, module)
    assert conf.project_directory() == Path("/srv/app")


def test_settings_that_are_a_package_count_as_one_more_folder(given, monkeypatch):
    given()
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop.settings")
    module = types.ModuleType("shop.settings")
    module.__file__ = "/srv/app/shop/settings/__init__.py"
    monkeypatch.setitem(sys.modules, "shop.settings", module)
    assert conf.project_directory() == Path("/srv/app")


def test_a_symbolic_link_to_the_release_stays_one(given, tmp_path):
    (tmp_path / "release-1").mkdir()
    (tmp_path / "current").symlink_to("release-1")
    given(MANAGE_PY=tmp_path / "current" / "manage.py")
    assert tmp_path / "current" == brokerless_settings.DIRECTORY
