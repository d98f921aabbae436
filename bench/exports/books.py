"""The books that are exported, made in SQL: `python -m bench.exports.books LAST` adds those up to that number.

The same number makes the same book, on every database: its values are drawn by arithmetic, its texts from a pool
that the example site's generator has invented.
"""

from __future__ import annotations

import sys
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

SEED = 1
AUTHORS = 20_000
TEXTS = 20_000  # in the pool; far more than a compressor looks back
BATCH = 500_000  # rows of one statement: what SQLite keeps in its write-ahead log
PRIME = 2**31 - 1  # its square fits into what both databases count in
DRAWS = (48271, 69621, 39373, 16807, 62089, 40014)  # a multiplier for each number that is drawn for a book

BOOKS = """
    INSERT INTO library_book (id, source_id, title, author_id, contributors, isbn13, published_year, language,
                              average_rating, ratings_count, available, added_at)
    WITH RECURSIVE counted(id) AS (
        SELECT CAST({first} AS bigint) UNION ALL SELECT id + 1 FROM counted WHERE id < {last}
    ),
    mixed AS (SELECT id, {mixed} FROM counted),
    drawn AS (SELECT id, {drawn} FROM mixed)
    SELECT drawn.id,
           CASE WHEN r1 % 2 = 0 THEN 100000 + drawn.id END,
           titles.title,
           1 + (r2 % {authors}) * (r3 % 1000) / 1000,
           others.contributors,
           CASE WHEN r3 % 20 = 0 THEN '' ELSE '978' || CAST(1000000000 + r4 AS text) END,
           CASE r5 % 200 WHEN 0 THEN NULL WHEN 1 THEN -1 - r6 % 800 ELSE 2024 - (r5 % 45) * (r6 % 45) / 20 END,
           titles.language,
           CASE WHEN r4 % 50 = 0 THEN NULL ELSE {rating} END,
           r5 % (10 * (1 + r6 % 100) * (1 + r4 % 1000)),
           r6 % 10 > 0,
           {moment}
    FROM drawn
    CROSS JOIN bench_text AS titles
    CROSS JOIN bench_text AS others
    WHERE titles.id = r1 % {texts} AND others.id = r2 % {texts}
    ORDER BY drawn.id
"""
SECOND = "1420070400 + r1 % 315000000"  # within ten years from 2015 on
MICROSECOND = "CASE WHEN r2 % 8 = 0 THEN 0 ELSE r3 % 1000000 END"
HUNDREDTHS = "(300 + r1 % 60 + r2 % 60 + r3 % 80)"
DIALECTS = {
    "postgresql": {
        "rating": f"CAST({HUNDREDTHS} AS numeric) / 100",
        "moment": f"to_timestamp({SECOND}) + ({MICROSECOND}) * interval '1 microsecond'",
    },
    "sqlite": {
        "rating": f"{HUNDREDTHS} / 100.0",
        # As Django stores it: without a fraction where there is none.
        "moment": f"strftime('%Y-%m-%d %H:%M:%S', {SECOND}, 'unixepoch')"
        f" || CASE WHEN r2 % 8 = 0 THEN '' ELSE printf('.%06d', r3 % 1000000) END",
    },
}
AFTERWARDS = {
    "postgresql": ["VACUUM (ANALYZE) library_author, library_book"],
    "sqlite": ["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"],
}


def main() -> None:
    import django

    django.setup()
    add_books(int(sys.argv[1]))


def add_books(last: int) -> None:
    """Insert the books whose numbers are missing up to `last`, and what they refer to."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM library_book")
        present = cursor.fetchone()[0]
        with transaction.atomic():
            _make_texts(cursor, with_authors=present == 0)
        for first in range(present + 1, last + 1, BATCH):
            cursor.execute(_statement(connection.vendor, first, min(first + BATCH - 1, last)))
        for statement in AFTERWARDS[connection.vendor]:
            cursor.execute(statement)


def _make_texts(cursor: CursorWrapper, *, with_authors: bool) -> None:
    from library.inventing import invent_book, invent_writers

    random = Random(SEED)
    writers = invent_writers(AUTHORS, random=random)
    if with_authors:
        # The vocabulary does not make so many names; those that are met again are their bearers' children.
        names = [writer.name for writer in writers] + [f"{writer.name} Jr." for writer in writers]
        _insert(cursor, "library_author (id, name)", list(enumerate(names[:AUTHORS], start=1)))
    books = [invent_book(writers, author_ids=range(len(writers)), random=random) for _ in range(TEXTS)]
    cursor.execute(
        "CREATE TEMPORARY TABLE bench_text (id integer PRIMARY KEY, title text, contributors text, language text)"
    )
    texts = [(number, book.title, book.contributors, book.language) for number, book in enumerate(books)]
    _insert(cursor, "bench_text", texts)
    cursor.execute("ANALYZE bench_text")


def _insert(cursor: CursorWrapper, table: str, rows: list[tuple[Any, ...]]) -> None:
    places = ", ".join(["%s"] * len(rows[0]))
    cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def _statement(vendor: str, first: int, last: int) -> str:
    mixed = ", ".join(f"(id * {factor} + {factor}) % {PRIME} AS m{n}" for n, factor in enumerate(DRAWS, start=1))
    drawn = ", ".join(f"m{n} * m{n} % {PRIME} AS r{n}" for n in range(1, len(DRAWS) + 1))
    return BOOKS.format(
        first=first, last=last, mixed=mixed, drawn=drawn, authors=AUTHORS, texts=TEXTS, **DIALECTS[vendor]
    )


if __name__ == "__main__":
    main()
