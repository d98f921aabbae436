"""Rows that are hard to write down are the same bytes, or the same words of refusal, from every source."""

from __future__ import annotations

import io
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.layout import Layout
from brokerless.exports.planning import plan
from brokerless.exports.sources import choosing
from brokerless.exports.sources.portable import PortableSource
from brokerless.exports.writing import Export, write
from tests.exporting.nasty import COLUMNS, OTHER_COLUMNS, Nasty, nasty_rows, nasty_table

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Monrovia", "Pacific/Apia"]
LAYOUTS = [
    Layout(compress="none"),
    Layout(compress="none", guard=False),
    Layout(compress="none", delimiter=";", bom=True),
    Layout("tsv", compress="none"),
    Layout("tsv", compress="none", guard=False),
    Layout("jsonl", compress="none"),
]
often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seldom = settings(often, max_examples=15)


def written(columns, layout) -> bytes | str:
    """Return the file, or why there is none."""
    target = io.BytesIO()
    try:
        write(Export(Nasty.objects.order_by("-id"), columns, unit="rows", layout=layout, quiet=True), target)
    except OutputError as error:
        return str(error)
    return target.getvalue()


def check_sources_agree(rows, columns, layout, zone) -> None:
    Nasty.objects.all().delete()
    Nasty.objects.bulk_create([Nasty(**row) for row in rows])
    with timezone.override(zone):
        fast = written(columns, layout)
        with patch.object(choosing, "FAST_SOURCES", {}):
            assert fast == written(columns, layout)


def assert_has_source_of_its_own() -> None:
    for layout in LAYOUTS:
        found = choosing.choose_source(plan(Nasty.objects.all(), COLUMNS), layout)
        assert not isinstance(found, PortableSource)


@pytest.fixture
def on_sqlite(transactional_db):
    if connection.vendor != "sqlite":
        pytest.skip("the suite is run on another database")
    with nasty_table():
        yield


@pytest.fixture
def on_postgresql(postgres):
    with nasty_table():
        yield


def test_sqlite_writes_these_columns_itself(on_sqlite):
    assert_has_source_of_its_own()


def test_postgresql_writes_these_columns_itself(on_postgresql):
    assert_has_source_of_its_own()


@often
@given(rows=nasty_rows(), layout=st.sampled_from(LAYOUTS), zone=st.sampled_from(ZONES))
def test_on_sqlite_the_sources_agree(on_sqlite, rows, layout, zone):
    check_sources_agree(rows, COLUMNS, layout, zone)


@often
@given(rows=nasty_rows(), layout=st.sampled_from(LAYOUTS), zone=st.sampled_from(ZONES))
def test_on_postgresql_the_sources_agree(on_postgresql, rows, layout, zone):
    check_sources_agree(rows, COLUMNS, layout, zone)


@seldom
@given(rows=nasty_rows(), layout=st.sampled_from(LAYOUTS))
def test_on_sqlite_they_agree_about_what_python_must_do(on_sqlite, rows, layout):
    check_sources_agree(rows, OTHER_COLUMNS[:-1], layout, "UTC")
    check_sources_agree(rows, OTHER_COLUMNS, layout, "UTC")


@seldom
@given(rows=nasty_rows(), layout=st.sampled_from(LAYOUTS))
def test_on_postgresql_they_agree_about_what_python_must_do(on_postgresql, rows, layout):
    check_sources_agree(rows, OTHER_COLUMNS, layout, "UTC")
