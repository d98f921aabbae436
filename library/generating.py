"""Invented books in any number, for trying things out with many rows."""

from __future__ import annotations

from random import Random

from django.utils.translation import gettext as _

from brokerless import current_task, track
from library.authors import author_ids
from library.batches import in_batches
from library.inserting import insert_books
from library.inventing import invent_book, invent_writers

# Rows in one transaction. The more there are, the less often a page of an index is written; 1,500 take some
# 40 ms, and below 200 ms where the processors are busy with something else.
BATCH_SIZE = 1500
FEWEST_WRITERS = 300
MOST_WRITERS = 2000
BOOKS_PER_WRITER = 100
# The owner is told of each quarter of so many books or more; fewer are there before one has read of the first.
TOLD_FROM = 50_000


def generate_books(
    count: int, *, seed: int | None = None, batch_size: int = BATCH_SIZE, quiet: bool = False
) -> None:
    """Create `count` books, and the authors that they need.

    Each batch is a transaction of its own, and its books are made up before it begins. The same seed makes
    the same books again. quiet: draw no progress bar.
    """
    random = Random(seed)  # noqa: S311 - nothing secret is drawn
    writers = invent_writers(_writers_for(count), random=random)
    ids = author_ids(writer.name for writer in writers)
    keys = [ids[writer.name] for writer in writers]
    books = (invent_book(writers, author_ids=keys, random=random) for _ in range(count))
    batches = in_batches(books, size=batch_size)
    done = 0
    for batch in track(batches, total=count, unit="books", size=len, quiet=quiet):
        insert_books(batch)
        _tell_of_quarter(done, done := done + len(batch), count)


def _tell_of_quarter(before: int, done: int, count: int) -> None:
    """Tell the owner of the task, if there is one, when another quarter is done; its end they are told anyway."""
    quarter = 4 * done // count
    if count >= TOLD_FROM and 4 * before // count < quarter < 4 and (task := current_task()):
        task.notify(_("%(percent)s %% of the books are there.") % {"percent": 25 * quarter})


def _writers_for(count: int) -> int:
    return min(count, MOST_WRITERS, max(FEWEST_WRITERS, count // BOOKS_PER_WRITER))
