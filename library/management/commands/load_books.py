"""`manage.py load_books`: books from a file in the columns of goodbooks-10k."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from brokerless import current_task, track
from library.goodbooks import SAMPLE, BookFileError, Refusal, count_rows, read_rows
from library.loading import Counts, load_books

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import OutputWrapper

MOST_LISTED = 20  # refused lines that are listed one by one; --verbosity 2 lists them all
ERASE_LINE = "\r\x1b[K"  # so that a message does not begin behind the progress bar


class Command(BaseCommand):
    help = (
        "Load books from a CSV file in the columns of goodbooks-10k. Books that were loaded before, by their "
        "book_id, are updated. Lines that hold no book are listed and left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("file", metavar="FILE", nargs="?", type=Path, help="The file: CSV in UTF-8.")
        source.add_argument(
            "--sample", action="store_true", help="Load the few dozen books that come with this site instead."
        )

    def handle(self, *, file: Path | None, sample: bool, verbosity: int, **options: Any) -> None:
        path = SAMPLE if sample else file
        refusals = RefusalList(self.stderr, limit=None if verbosity > 1 else MOST_LISTED)
        try:
            rows = track(read_rows(path), total=count_rows(path), unit="rows", quiet=verbosity == 0)
            counts = load_books(rows, on_refusal=refusals.add)
        except BookFileError as error:
            raise CommandError(str(error)) from error
        finally:
            refusals.close()
        self._report(counts, path=path, verbosity=verbosity)

    def _report(self, counts: Counts, *, path: Path, verbosity: int) -> None:
        if not counts.read:
            raise CommandError(f"{path} has a header and no books.")
        if counts.refused == counts.read:
            raise CommandError(f"Every line of {path} was refused, {counts.read} in all.")
        if task := current_task():
            task.result = {"read": counts.read, **asdict(counts)}
        if verbosity > 0:
            self.stdout.write(str(counts))


class RefusalList:
    """The refused lines, written down as they come up to a limit, and then the number of the others."""

    def __init__(self, stream: OutputWrapper, *, limit: int | None) -> None:
        self._stream = stream
        self._limit = limit
        self._count = 0

    def add(self, refusal: Refusal) -> None:
        self._count += 1
        if self._limit is None or self._count <= self._limit:
            self._write(f"line {refusal.line}: {refusal.reason}")

    def close(self) -> None:
        if self._limit is not None and self._count > self._limit:
            self._write(f"and {self._count - self._limit} more refused lines, which --verbosity 2 lists")

    def _write(self, message: str) -> None:
        self._stream.write(f"{ERASE_LINE}{message}" if self._stream.isatty() else message)
