"""What the tests of exports make: books, and a task for a command to run in."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import connection

from brokerless.context import as_context
from brokerless.current import CurrentTask
from brokerless.models import TaskState
from brokerless.progress import Reporter
from brokerless.runtime_dir import TaskFiles
from library.models import Author, Book

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from pytest_django.fixtures import SettingsWrapper

    from brokerless.context import Context

MANY_BOOKS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)
    INSERT INTO library_book (title, author_id, contributors, isbn13, published_year, language,
                              average_rating, ratings_count, available, added_at)
    SELECT 'Book ' || n, %s, 'A. Writer, B. Writer', '9780306406157', 1000 + n %% 1000, 'eng',
           4.25, n, %s, %s
    FROM numbers
"""


def make_book(title: str = "Ulysses", *, author: str = "James Joyce", **values: Any) -> Book:
    return Book.objects.create(title=title, author=Author.objects.get_or_create(name=author)[0], **values)


def store_in(directory: Path, settings: SettingsWrapper) -> Path:
    """Have export files stored in a directory, as private as on the site."""
    storage = settings.STORAGES["exports"]
    options = storage["OPTIONS"] | {"location": directory}
    settings.STORAGES = settings.STORAGES | {"exports": storage | {"OPTIONS": options}}
    return directory


def make_many_books(count: int) -> None:
    """Create books in one statement of SQL, as the ORM would take seconds for it."""
    author = Author.objects.create(name="A. Writer")
    with connection.cursor() as cursor:
        cursor.execute(MANY_BOOKS, [count, author.pk, True, "2024-01-01 00:00:00+00:00"])


class StubEnd:
    """The command's end of the channel, with nobody at the other."""

    def __init__(self) -> None:
        self.numbers = [0] * 8
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.renewals = 0
        self.lost: Exception | None = None

    def tell(self, kind: str, **values: Any) -> None:
        self.told.append((kind, values))

    def renew_lease(self) -> None:
        self.renewals += 1
        if self.lost is not None:
            raise self.lost


def make_current_task(*, owner: User | None = None, **context: Any) -> CurrentTask:
    """Return a task as a command sees it, with its row."""
    row = TaskState.objects.create(
        command="export_books", owner=owner, lease=1, status=TaskState.Status.RUNNING, pk=uuid.uuid4()
    )
    return _current(row, as_context(context))


def make_next_attempt(task: CurrentTask) -> CurrentTask:
    """Return the same task as its next attempt sees it, which has a lease of its own."""
    row = TaskState.objects.get(pk=task.id)
    row.lease += 1
    row.save(update_fields=["lease"])
    return _current(row, task.context)


def _current(row: TaskState, context: Context) -> CurrentTask:
    end = StubEnd()
    return CurrentTask(
        row.pk,
        row.lease,
        owner_id=str(row.owner_id) if row.owner_id else None,
        context=context,
        progress=Reporter(end),
        end=end,
        files=TaskFiles(row.pk, row.lease),
    )
