"""What the lists of tasks offer to choose from, without reading the whole table for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings as django_settings
from django.db import connections

from brokerless import queues
from brokerless.conf import settings
from brokerless.models import TaskState

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.backends.base.base import BaseDatabaseWrapper

    from brokerless.models import TaskStateQuerySet

MOST = 200  # to choose from; another name can still be asked for in the address
# From each name straight to the next one: as many looks at an index as there are names, not as there are rows.
FROM_NAME_TO_NAME = """
    WITH RECURSIVE found (name) AS (
        SELECT (SELECT command FROM {table} WHERE {condition} ORDER BY {order} LIMIT 1)
        UNION ALL
        SELECT (SELECT command FROM {table} WHERE {condition} AND command > found.name ORDER BY {order} LIMIT 1)
        FROM found WHERE found.name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL LIMIT {most}
"""
KNOWING_VENDORS = frozenset({"sqlite", "postgresql"})  # that let a scalar subquery refer to the row before


def command_names(tasks: TaskStateQuerySet, user: AbstractBaseUser | AnonymousUser) -> list[str]:
    """Return the commands that occur among the tasks that a user sees, sorted.

    tasks: all that the user sees.
    """
    names: set[str] = set()
    connection = connections[tasks.db]
    for condition, values, order in _scopes(user, connection):
        if connection.vendor in KNOWING_VENDORS:
            table = connection.ops.quote_name(TaskState._meta.db_table)  # noqa: SLF001 - Django's documented interface
            statement = FROM_NAME_TO_NAME.format(table=table, condition=condition, order=order, most=MOST)
            with connection.cursor() as cursor:
                cursor.execute(statement, values * 2)
                names.update(name for (name,) in cursor.fetchall())
        else:
            names.update(tasks.order_by().values_list("command", flat=True).distinct()[:MOST])
    return sorted(names)


def queue_names() -> list[str]:
    """Return the queues that the settings know, BROKERLESS["QUEUES"] or TASKS, sorted."""
    return sorted({queues.DEFAULT, *settings.QUEUES, *_queues_of_task_functions()})


def _scopes(
    user: AbstractBaseUser | AnonymousUser, connection: BaseDatabaseWrapper
) -> list[tuple[str, list, str]]:
    """Return whose tasks the user sees, as `visible_to()` says it, in SQL, with the order of the index for it."""
    if TaskState.objects.is_all_visible_to(user):
        return [("1 = 1", [], "command")]
    owner = TaskState._meta.get_field("owner")  # noqa: SLF001 - Django's documented interface
    own = ("owner_id = %s", [owner.get_db_prep_value(user.pk, connection)], "command")
    # For PostgreSQL the order says what follows from the condition: it would sort them all otherwise.
    return [own, ("owner_id IS NULL", [], "owner_id, command")] if user.is_staff else [own]


def _queues_of_task_functions() -> list[str]:
    entries = getattr(django_settings, "TASKS", None)
    found = entries.values() if isinstance(entries, dict) else ()
    ours = [
        entry
        for entry in found
        if isinstance(entry, dict) and str(entry.get("BACKEND", "")).startswith("brokerless.")
    ]
    return [name for entry in ours for name in entry.get("QUEUES") or () if not queues.name_problem(name)]
