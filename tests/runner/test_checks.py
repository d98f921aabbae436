"""System checks of the entries, each with what it is about and what it leaves alone; and of all, in the docs."""

from __future__ import annotations

import re

import pytest
from django.core import checks

from brokerless.conf import settings as our_settings
from brokerless.exports.conf import settings as export_settings
from tests.runner import checking

CHECK_ID = re.compile(r"\bbrokerless(?:_exports)?\.[EWI]\d{3}\b")


@pytest.fixture
def ids(settings, runtime_dir):
    """Return the function that gives the ids of our messages under changed entries of BROKERLESS."""

    def found(**entries):
        settings.BROKERLESS = settings.BROKERLESS | entries
        return checking.ids(checks.run_checks(tags=["brokerless"], databases=[]))

    return found


def test_the_example_site_passes(ids):
    assert ids() == []


def test_a_plain_check_asks_no_database(ids):
    """It runs without one: pytest-django refuses every connection here."""
    assert ids(QUEUES={"exports": {"limit": 1}}) == []


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
        ({"PYTHON": "/no/such/python"}, "brokerless.E009"),
        ({"PREFIX": ["no-such-program"]}, "brokerless.E004"),
        ({"BASE_URL": "books.example.org"}, "brokerless.E005"),
        ({"BASE_URL": ""}, "brokerless.W001"),
        ({"QUEUES": []}, "brokerless.E001"),
        ({"QUEUES": {"exports": 2}}, "brokerless.E006"),
        ({"QUEUES": {"exports": {"limits": 2}}}, "brokerless.E006"),
        ({"QUEUES": {"exports": {"nice": 20}}}, "brokerless.E006"),
    ],
)
def test_a_wrong_entry_is_said_with_its_id(ids, entries, expected):
    assert ids(**entries) == [expected]


def test_right_entries_are_not_said(ids):
    entries = {
        "PREFIX": ["env"],
        "CONTEXT": {"tenant": ("json.dumps", "json.loads")},
        "BASE_URL": "https://a.example",
        "QUEUES": {"exports": {"limit": 2, "timeout": 0.5, "memory_limit": None, "nice": 10, "max_attempts": 3}},
    }
    assert ids(**entries) == []


def test_wrong_types_are_said_once_and_nothing_breaks_over_them(ids):
    wrong = {name: object() for name in our_settings.table}
    assert set(ids(**wrong)) == {"brokerless.E001"}


def test_a_queue_of_exports_that_does_not_exist_is_said(ids, settings):
    settings.EXPORTS = settings.EXPORTS | {"QUEUE": "nightly"}
    assert ids() == ["brokerless_exports.E004"]


@pytest.mark.parametrize("queue", ["default", "nightly"])
def test_a_queue_of_exports_that_exists_is_not_said(ids, settings, queue):
    settings.EXPORTS = settings.EXPORTS | {"QUEUE": queue}
    assert ids(QUEUES={"nightly": {}}) == []


def test_a_stock_manage_py_is_refused(ids, tmp_path):
    stock = tmp_path / "manage.py"
    stock.write_text("from django.core.management import execute_from_command_line\n")
    assert ids(MANAGE_PY=stock) == ["brokerless.E002"]


def test_pages_that_are_not_part_of_the_site_are_said(ids, settings):
    settings.ROOT_URLCONF = "tests.probes.urls"
    assert sorted(ids()) == ["brokerless.W002", "brokerless_exports.W001"]


def test_the_docs_list_every_check_and_no_other(pytestconfig):
    files = (pytestconfig.rootpath / "brokerless").rglob("*.py")
    known = {found for file in files for found in CHECK_ID.findall(file.read_text())}
    text = (pytestconfig.rootpath / "docs" / "checks.md").read_text()
    assert set(re.findall(r"^\| `([\w.]+)`", text, re.MULTILINE)) == known
    assert len(known) > 20


@pytest.mark.parametrize("table", [our_settings, export_settings], ids=lambda table: table.dict_name)
def test_every_entry_is_in_the_docs(pytestconfig, table):
    text = (pytestconfig.rootpath / "docs" / "settings.md").read_text()
    assert [name for name in table.table if f"| `{name}` |" not in text] == []
