"""Many rows of tasks, made within seconds by doubling some."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.utils import timezone

from brokerless.models import TaskState

FIRST_ROWS = 1_000
NEW_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}
# What is doubled is somewhat older, so that the moments differ.
OLDER = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', created_at, '-{0} seconds')",
    "postgresql": "created_at - interval '{0} seconds'",
}
Status = TaskState.Status


def make_people() -> dict[str, User]:
    """Make an owner of tasks, staff who see everybody's, and staff who see their own and nobody's."""
    owner = User.objects.create(username="owner")
    seer = User.objects.create(username="staff", is_staff=True)
    seer.user_permissions.set(Permission.objects.filter(codename="view_taskstate"))
    return {"owner": owner, "all": seer, "some": User.objects.create(username="half", is_staff=True)}


def make_tasks(rows: int, people: dict[str, User]) -> int:
    """Make about so many tasks of the owner, one in a hundred of nobody, and return how many there are."""
    now = timezone.now()
    ends = [Status.SUCCESSFUL] * 7 + [Status.FAILED] * 2 + [Status.CANCELLED]
    TaskState.objects.bulk_create(
        TaskState(
            command=f"command_{number % 40}",
            title=f"Task {number}",
            options={"language": "eng", "number": number},
            queue="rare" if number % 200 == 3 else "default",
            owner=None if number % 100 == 5 else people["owner"],
            status=ends[number % 10],
            error_detail="x" * 2_000 if ends[number % 10] == Status.FAILED else "",
            result={"text": "y" * 500},
            created_at=now - timedelta(minutes=number),
            started_at=now - timedelta(minutes=number),
            finished_at=now - timedelta(minutes=number) + timedelta(seconds=20),
        )
        for number in range(FIRST_ROWS)
    )
    others = [field.column for field in TaskState._meta.concrete_fields if not field.primary_key]  # noqa: SLF001
    count, seconds = FIRST_ROWS, 61
    while count < rows:
        values = [OLDER[connection.vendor].format(seconds) if name == "created_at" else name for name in others]
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO brokerless_taskstate (id, {', '.join(others)}) "
                f"SELECT {NEW_ID[connection.vendor]}, {', '.join(values)} FROM brokerless_taskstate "
                f"LIMIT {rows - count}"
            )
        count, seconds = min(rows, count * 2), seconds * 2 + 7
    _make_unfinished(people, now)
    with connection.cursor() as cursor:
        # As PostgreSQL does by itself; SQLite has no statistics unless somebody asks for them.
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
    return TaskState.objects.count()


def _make_unfinished(people: dict[str, User], now: Any) -> None:
    for number in range(60):
        is_running = number < 8
        TaskState.objects.create(
            command=f"command_{number % 40}",
            title=f"Going on {number}",
            owner=people["owner"],
            status=Status.RUNNING if is_running else Status.READY,
            host="elsewhere" if is_running else "",
            heartbeat_at=now + timedelta(days=1),
            started_at=now if is_running else None,
            run_after=now + timedelta(days=1),
            progress_current=3,
            progress_total=9,
            created_at=now - timedelta(seconds=number),
        )
