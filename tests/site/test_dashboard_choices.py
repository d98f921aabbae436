"""What the list offers to choose from."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from brokerless.dashboard.choices import command_names, queue_names
from brokerless.models import TaskState
from tests.runner.many_rows import plan_of
from tests.site.page_parts import Page


def offered(client, name, query=""):
    text = client.get(f"/tasks/{query}").content.decode()
    part = text.partition(f'id="filter_{name}"')[2].partition("</select>")[0]
    return [values["value"] for values in Page(part.partition(">")[2]).find("option")]


def test_the_commands_are_those_of_the_tasks_that_the_user_sees(make_task, ann, bob, staff, person, browser_of):
    for owner, command in (
        (ann, "load_books"),
        (ann, "export_books"),
        (ann, "load_books"),
        (bob, "of_bob"),
        (None, "by_cron"),
        (staff, "of_staff"),
    ):
        make_task(owner, command=command, status="FAILED")
    assert offered(browser_of(ann), "command", "?status=READY") == ["", "export_books", "load_books"]
    assert offered(browser_of(staff), "command") == ["", "by_cron", "of_staff"]
    seer = person("seer", "view_taskstate", is_staff=True)
    assert offered(browser_of(seer), "command") == [
        "", "by_cron", "export_books", "load_books", "of_bob", "of_staff"
    ]  # fmt: skip


def test_without_tasks_there_are_none_but_the_one_that_was_asked_for(browser):
    assert offered(browser, "command", "?command=x%22%3E") == ["", 'x">']


def test_on_any_database_they_are_the_same(make_task, ann, bob, monkeypatch):
    for owner, command in ((ann, "b"), (ann, "a"), (bob, "c"), (ann, "b")):
        make_task(owner, command=command)
    tasks = TaskState.objects.visible_to(ann)
    assert command_names(tasks, ann) == ["a", "b"]
    monkeypatch.setattr("brokerless.dashboard.choices.KNOWING_VENDORS", frozenset())
    assert command_names(tasks, ann) == ["a", "b"]


def test_they_are_found_without_reading_all_tasks(make_task, ann, person, django_assert_num_queries):
    seer = person("seer", "view_taskstate", is_staff=True)
    for number in range(30):
        make_task(ann, command=f"command_{number:02}")
    for user, index in ((ann, "brokerless_owner_command"), (seer, "brokerless_command_created")):
        user.has_perm("any")
        with django_assert_num_queries(1) as queries:
            assert len(command_names(TaskState.objects.visible_to(user), user)) == 30
        plan = plan_of(queries[0]["sql"])
        assert index in plan
        assert "SCAN brokerless_taskstate" not in plan.replace(
            f"SCAN brokerless_taskstate USING COVERING INDEX {index}", ""
        )


def test_they_are_found_on_postgresql_without_reading_all_that_are_nobody_s(postgres, person):
    TaskState.objects.bulk_create(
        TaskState(command=f"command_{number % 20:02}", status="FAILED") for number in range(5000)
    )
    staff = person("staff", is_staff=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE brokerless_taskstate")
    with CaptureQueriesContext(connection) as queries:
        assert len(command_names(TaskState.objects.visible_to(staff), staff)) == 20
    plan = plan_of(next(query["sql"] for query in queries if "owner_id IS NULL" in query["sql"]))
    assert "brokerless_owner_command" in plan
    assert "Sort" not in plan
    assert "Seq Scan on brokerless_taskstate" not in plan


def test_the_key_of_a_user_is_given_as_the_database_has_it(db, monkeypatch):
    """A UUID is text in SQLite."""
    if connection.vendor != "sqlite":
        pytest.skip("where a UUID is none and no column minds")
    monkeypatch.setattr(models.ForeignKey, "target_field", models.UUIDField())
    assert command_names(TaskState.objects.all(), User(pk=uuid.uuid4())) == []


@pytest.mark.parametrize(
    ("tasks", "names"),
    [
        (
            {"default": {"BACKEND": "brokerless.backend.ProcessBackend", "QUEUES": ["default", "only_there"]}},
            {"only_there"},
        ),
        ({"default": {"BACKEND": "brokerless.backend.ProcessBackend", "QUEUES": []}}, set()),
        ({"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend", "QUEUES": ["theirs"]}}, set()),
        ({"default": {"BACKEND": "brokerless.backend.ProcessBackend", "QUEUES": [7, None]}}, set()),
        ({"default": None}, set()),
        (None, set()),
    ],
)
def test_the_queues_are_those_that_any_setting_knows(settings, tasks, names):
    settings.TASKS = tasks
    settings.BROKERLESS = settings.BROKERLESS | {"QUEUES": {"exports": {}}}
    assert queue_names() == sorted({"default", "exports", *names})


def test_the_queues_are_offered_with_the_one_that_was_asked_for(browser, settings):
    settings.TASKS = {}
    settings.BROKERLESS = settings.BROKERLESS | {"QUEUES": {"exports": {}}}
    assert offered(browser, "queue", "?queue=gone") == ["", "default", "exports", "gone"]
