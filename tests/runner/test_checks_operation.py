"""System checks of who is told of failures and of how long tasks are kept."""

from __future__ import annotations

import math

import pytest
from django.core import checks

from tests.runner import checking


@pytest.fixture
def ids(settings, runtime_dir):
    """Return the function that gives the ids of our messages under changed entries of BROKERLESS."""

    def found(*, managers=(), **entries):
        settings.MANAGERS = managers
        settings.BROKERLESS = settings.BROKERLESS | entries
        return checking.ids(checks.run_checks(tags=["brokerless"], databases=[]))

    return found


@pytest.mark.parametrize("names", [(), ["owner"], ("owner", "managers"), ["managers"]])
def test_right_names_are_not_said(ids, names):
    assert ids(managers=[("Mo", "mo@example.org")], NOTIFY_FAILURES=names) == []


@pytest.mark.parametrize("names", [["admins"], ["owner", "manager"], [3], [["owner"]], [""]])
def test_others_are(ids, names):
    assert ids(NOTIFY_FAILURES=names) == ["brokerless.E014"]


@pytest.mark.parametrize("wrong", ["owner", None, {"owner": True}])
def test_what_is_no_list_is_of_a_wrong_type(ids, wrong):
    assert ids(NOTIFY_FAILURES=wrong) == ["brokerless.E001"]


def test_managers_without_any_are_said(ids):
    assert ids(NOTIFY_FAILURES=["managers"]) == ["brokerless.W011"]
    assert ids(NOTIFY_FAILURES=["owner"]) == []


@pytest.mark.parametrize("days", [None, 0.5, 30, 36_525])
def test_times_that_a_calendar_knows_are_not_said(ids, days):
    assert ids(PURGE_AFTER=days) == []


@pytest.mark.parametrize("days", [36_526, 1e300, math.inf, math.nan])
def test_others_are_said(ids, days):
    assert ids(PURGE_AFTER=days) == ["brokerless.E015"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("PURGE_AFTER", 0), ("PURGE_AFTER", "30d"), ("LONGEST_WAIT", 0), ("LEAST_DISK", 1.5), ("LEAST_DISK", -1)],
)
def test_wrong_types_and_numbers_are_said(ids, name, wrong):
    assert ids(**{name: wrong}) == ["brokerless.E001"]
