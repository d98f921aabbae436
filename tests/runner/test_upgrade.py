"""Migrating the table of a site that has tasks: what it costs, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brokerless.models import TaskState
from tests import mariadb, postgres
from tests.requirements import POSTGRES_URL, missing

BEFORE = ("brokerless", "0004_operation")
TABLE = TaskState._meta.db_table
SERVERS = {"PostgreSQL": (postgres, POSTGRES_URL), "MariaDB": (mariadb, mariadb.MARIADB_URL)}


@pytest.fixture(params=["SQLite", *SERVERS])
def settings_of_new_database(request, tmp_path):
    if request.param == "SQLite":
        found = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "old.sqlite3"}
        yield connections.configure_settings({"default": found})["default"]
        return
    server, url = SERVERS[request.param]
    try:
        name = server.create_database(url)
    except OSError as error:
        missing(request.param, str(error))
    yield server.settings_of(url, name)
    server.drop_database(url, name)


@pytest.fixture
def old_site(settings_of_new_database, django_db_setup, django_db_blocker):
    """Make a database as of the release before; return how that one's code sees it."""
    with django_db_blocker.unblock(), postgres.default_database(settings_of_new_database):
        migrate(BEFORE[1])
        yield MigrationExecutor(connection).loader.project_state([BEFORE, ("auth", "0001_initial")]).apps
        connection.close()


def migrate(target=None):
    """Migrate the tables of tasks, and return what that said to the database."""
    with CaptureQueriesContext(connection) as queries:
        call_command("migrate", "brokerless", *([target] if target else []), verbosity=0)
    return [query["sql"] for query in queries]


def indexes():
    """Return the columns of each index by its name."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, TABLE)
    return {name: each["columns"] for name, each in found.items() if each["index"]}


def test_tasks_are_kept_and_nobody_is_told_of_what_ended_before(old_site):
    person = old_site.get_model("auth", "User").objects.create(username="ann")
    old = old_site.get_model("brokerless", "TaskState")
    now = timezone.now()
    for title, hours, owner in (("lately", 1, person), ("runs", None, person), ("nobody's", 1, None)):
        ended = {"status": "FAILED", "finished_at": now - timedelta(hours=hours)} if hours else {}
        old.objects.create(command="probe", title=title, owner=owner, **ended)
    migrate()
    # As a server does that still has the old code, and somebody who waits for its end.
    old.objects.create(command="probe", title="later", owner=person, status="FAILED", finished_at=now)
    found = {task.title: task for task in TaskState.objects.all()}
    assert {title for title, task in found.items() if task.end_shown_at} == {"lately"}
    assert {(task.notices_count, task.notices_shown, task.notices) for task in found.values()} == {(0, 0, None)}
    assert TaskState.objects.filter(notices_count__gt=0).count() == 0


def test_the_site_goes_on_meanwhile(old_site):
    said = migrate()
    # SQLite's way to change a table that it cannot alter: to copy all rows, with nobody else writing.
    assert not [sql for sql in said if f"new__{TABLE}" in sql]
    if connection.vendor == "postgresql":
        about = [sql for sql in said if sql.startswith(("CREATE INDEX", "DROP INDEX"))]
        named = [sql for sql in about if '"brokerless_taskstate_owner_id' not in sql]
        assert len(named) >= 12
        assert all("INDEX CONCURRENTLY" in sql for sql in named)


def test_there_are_the_indexes_of_the_model_and_none_twice(old_site):
    migrate()
    ours = {index.name: index.fields for index in TaskState._meta.indexes}
    there = indexes()
    assert ours.keys() <= there.keys()
    assert not {"brokerless_created", "brokerless_owner_created", "brokerless_owner_status"} & there.keys()
    assert ["owner_id"] not in there.values()


def test_what_was_broken_off_is_done_again(old_site):
    migrate("0006")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX brokerless_created_queue ON {TABLE} (created_at, queue)")
        table = f" ON {TABLE}" if connection.vendor == "mysql" else ""
        cursor.execute(f"DROP INDEX brokerless_created{table}")
    migrate()
    assert "brokerless_owner_command" in indexes()


def test_the_way_back_leads_to_the_old_tables(old_site):
    before = indexes()
    migrate()
    migrate("0006")
    assert indexes() == before | indexes()
    assert "brokerless_owner_command" not in indexes()
    migrate(BEFORE[1])
    # MariaDB has dropped some for others that begin alike, and has them again.
    assert before.keys() <= indexes().keys()
    assert "brokerless_owner_finished" not in indexes()
    migrate()
