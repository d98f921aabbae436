"""A hundred thousand rows, made within seconds, and what a database does to read some of them."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from brokerless.models import TaskState

Status = TaskState.Status
FIRST_ROWS = 1600
DOUBLINGS = 6
COUNT = FIRST_ROWS * 2**DOUBLINGS  # 102,400
NEW_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}


def make_many(**fields):
    """Record finished tasks of fifty commands in the last weeks, by doubling some thousand."""
    now = timezone.now()
    statuses = sorted(TaskState.FINISHED)
    TaskState.objects.bulk_create(
        TaskState(
            command=f"command_{number % 50}",
            status=statuses[number % len(statuses)],
            created_at=now - timedelta(minutes=10 * number),
            finished_at=now - timedelta(minutes=10 * number),
            **fields,
        )
        for number in range(FIRST_ROWS)
    )
    table = TaskState._meta.db_table
    others = ", ".join(field.column for field in TaskState._meta.concrete_fields if not field.primary_key)
    with connection.cursor() as cursor:
        for _ in range(DOUBLINGS):
            new_id = NEW_ID[connection.vendor]
            cursor.execute(f"INSERT INTO {table} (id, {others}) SELECT {new_id}, {others} FROM {table}")
        cursor.execute("ANALYZE")


def plan_of(sql):
    """Return what the database says that it does for a query."""
    with connection.cursor() as cursor:
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.execute(f"{explain} {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
