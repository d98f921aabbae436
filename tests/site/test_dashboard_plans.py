"""What SQLite does for the list's queries: indexes answer them, also where it has no statistics."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.http import urlencode

from brokerless.dashboard.paging import place_of
from tests.runner.many_rows import plan_of


@pytest.fixture
def plans(program_of, ann, staff, person, make_task):
    """Return the function that gives the plans of what a request asks of the tasks' table."""
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite's plans, which depend on no statistics here")
    people = {
        "owner": ann,
        "staff": staff,
        "staff who see all": person("seer", "view_taskstate", is_staff=True),
    }

    def ask(who, path):
        client = program_of(people[who])
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        found = [query["sql"] for query in queries if 'FROM "brokerless_taskstate"' in query["sql"]]
        assert found
        return [plan_of(sql) for sql in found]

    return ask


WHO = pytest.mark.parametrize("who", ["owner", "staff", "staff who see all"])


@WHO
def test_a_poll_of_the_list_reads_what_it_asks_for(plans, make_task, ann, who):
    tasks = [make_task(ann) for _ in range(100)]
    query = [*(("task", task.pk) for task in tasks), ("newer_than", place_of(tasks[0]))]
    found = plans(who, f"/tasks/status?{urlencode(query)}")
    assert sum("(id=?)" in plan for plan in found) == 1
    for plan in found:
        assert "SCAN" not in plan
        assert "B-TREE" not in plan.replace("B-TREE FOR GROUP BY", "")


@WHO
@pytest.mark.parametrize("status", ["CANCELLING", "UNFINISHED"])
def test_the_few_that_are_under_way_are_found_by_an_index_that_has_the_status(plans, make_task, ann, who, status):
    make_task(ann, cancel_requested_at="2026-11-21T00:00Z")
    for plan in plans(who, f"/tasks/?status={status}"):
        assert "SCAN" not in plan
        assert "status=?" in plan
