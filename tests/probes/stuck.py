"""Commands that sit where no Python code runs: in C, in a statement of the database, on its lock."""

from __future__ import annotations

import re
import signal
import time
from contextlib import contextmanager
from itertools import repeat

from django.db import connection, transaction

from tests.probes.words import await_word, say

# Tries every way of cutting the text into pieces before it finds that none fits.
CATASTROPHE, TEXT = "(a+)+$", "a" * 100 + "b"
FOR_EVER = 10**12  # rows
# Counts in SQLite itself, which looks for signals at the end of a statement only.
COUNT = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) SELECT count(*) FROM number"


def add_for_ever(directory):
    with _cleaning(directory):
        sum(repeat(1))


def match_for_ever(directory):
    with _cleaning(directory):
        re.match(CATASTROPHE, TEXT)


def sleep_in_the_database(directory, deafness=""):
    """Wait in a statement of PostgreSQL; "deaf", without hearing SIGTERM."""
    if deafness:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with _cleaning(directory), connection.cursor() as cursor:
        _name_backend(directory, cursor)
        cursor.execute("SELECT pg_sleep(600)")


def copy_for_ever(directory):
    """Read a COPY without an end, in a transaction, as an export does."""
    with _cleaning(directory), transaction.atomic(), connection.cursor() as cursor:
        _name_backend(directory, cursor)
        # Not in FROM, where the server would first keep all rows in a file.
        with cursor.copy(f"COPY (SELECT generate_series(1, {FOR_EVER}), 'a book') TO STDOUT") as copy:
            for _ in copy:
                pass


def hold_sqlite_s_lock(directory, where="python"):
    """Write in a transaction, which locks everybody else out, and stay in it: in Python, or in C."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        with _cleaning(directory):
            if where == "c":
                cursor.execute(COUNT)
            else:
                await_word(directory)


def hold_sqlite_s_lock_for(directory, seconds):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        say(directory, "started")
        time.sleep(float(seconds))
        cursor.execute("ROLLBACK")


@contextmanager
def _cleaning(directory):
    say(directory, "started")
    try:
        yield
    finally:
        say(directory, "cleaned")


def _name_backend(directory, cursor):
    cursor.execute("SELECT pg_backend_pid()")
    say(directory, "backend", cursor.fetchone()[0])
