"""`manage.py generate_books`: invented books, for trying things out with many rows."""

from __future__ import annotations

from argparse import ArgumentTypeError
from time import perf_counter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

from brokerless import current_task
from library.generating import BATCH_SIZE, generate_books

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

# Rows in one transaction: more would keep the other writers of a SQLite database waiting for too long.
LARGEST_BATCH = 2500


class Command(BaseCommand):
    help = "Create invented books in several languages, for trying things out with many rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        maximum = settings.GENERATE_BOOKS_MAXIMUM
        parser.add_argument(
            "count",
            metavar="COUNT",
            type=whole_number(maximum),
            help=f"How many books, at most {maximum:,} (the setting GENERATE_BOOKS_MAXIMUM).",
        )
        parser.add_argument(
            "--seed", type=int, metavar="N", help="The same seed makes the same books; without it they differ."
        )
        parser.add_argument(
            "--batch-size",
            type=whole_number(LARGEST_BATCH),
            default=BATCH_SIZE,
            metavar="N",
            help=f"How many books to write in one transaction, at most {LARGEST_BATCH:,} (default: %(default)s).",
        )

    def handle(self, *, count: int, seed: int | None, batch_size: int, verbosity: int, **options: Any) -> None:
        started = perf_counter()
        generate_books(count, seed=seed, batch_size=batch_size, quiet=verbosity == 0)
        seconds = perf_counter() - started
        if task := current_task():
            task.result = {"books": count, "seconds": round(seconds, 3)}
        if verbosity > 0:
            self.stdout.write(f"{count} books in {seconds:.1f} s ({count / seconds:,.0f} rows/s)")


def whole_number(maximum: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number from 1 to `maximum`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = 0
        if not 1 <= number <= maximum:
            raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {maximum:,}.")
        return number

    return parse
