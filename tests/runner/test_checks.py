"""System checks of the runner, each with what it is about and what it leaves alone."""

from __future__ import annotations

import pytest
from django.core import checks

from brokerless.conf import settings as our_settings


@pytest.fixture
def ids(settings):
    """Return the function that gives the ids of our messages under changed entries of BROKERLESS."""

    def found(**entries):
        settings.BROKERLESS = settings.BROKERLESS | entries
        return [message.id for message in checks.run_checks(tags=["brokerless"])]

    return found


def test_the_example_site_passes(ids):
    assert ids() == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"NO_SUCH": 1}, "brokerless.E001"),
        ({"MAX_PROCESSES": 0}, "brokerless.E001"),
        ({"MAX_PROCESSES": True}, "brokerless.E001"),
        ({"PREFIX": "nice"}, "brokerless.E001"),
        ({"MANAGE_PY": "/no_manage.py"}, "brokerless.E002"),
        ({"LAUNCHER": "no.such.Launcher"}, "brokerless.E003"),
        ({"CONTEXT": {"tenant": ("no.such", "no.such")}}, "brokerless.E003"),
        ({"CONTEXT": {"tenant": "json.dumps"}}, "brokerless.E003"),
        ({"DIRECTORY": "/no/such/directory"}, "brokerless.E004"),
        ({"PYTHON": "/no/such/python"}, "brokerless.E004"),
        ({"PREFIX": ["no-such-program"]}, "brokerless.E004"),
        ({"BASE_URL": "books.example.org"}, "brokerless.E005"),
        ({"BASE_URL": ""}, "brokerless.W001"),
    ],
)
def test_a_wrong_entry_is_said_with_its_id(ids, entries, expected):
    assert ids(**entries) == [expected]


def test_right_entries_are_not_said(ids):
    assert (
        ids(PREFIX=["env"], CONTEXT={"tenant": ("json.dumps", "json.loads")}, BASE_URL="https://a.example") == []
    )


def test_a_stock_manage_py_is_refused(ids, tmp_path):
    stock = tmp_path / "manage.py"
    stock.write_text("from django.core.management import execute_from_command_line\n")
    assert ids(MANAGE_PY=stock) == ["brokerless.E002"]


def test_pages_that_are_not_part_of_the_site_are_said(ids, settings):
    settings.ROOT_URLCONF = "tests.probes.urls"
    assert sorted(ids()) == ["brokerless.W002", "brokerless_exports.W001"]


def test_every_check_is_in_the_docs(pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "settings.md").read_text()
    names = ["E001", "E002", "E003", "E004", "E005", "W001", "W002"]
    assert [name for name in names if f"`brokerless.{name}`" not in text] == []
    names = ["E001", "E002", "E003", "W001"]
    assert [name for name in names if f"`brokerless_exports.{name}`" not in text] == []


def test_every_entry_is_in_the_docs(pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "settings.md").read_text()
    assert [name for name in our_settings.table if f"| `{name}` |" not in text] == []
