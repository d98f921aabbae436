"""The ways to get the books into a file, by name: the programs that each starts."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
CLASSIC, GZIPPED_SQLITE = "classic loop", "sqlite3 -csv + gzip"
# The database's own CSV output, written nowhere: the floor.
FLOORS = {SQLITE: "sqlite3 -csv > /dev/null", POSTGRESQL: "psql > /dev/null"}
FASTEST_SOURCE = {SQLITE: "cursor", POSTGRESQL: "COPY"}
PORTABLE = "portable"
TEXT_FORMATS = ("csv.gz", "csv", "tsv.gz", "jsonl.gz")
TYPED_FORMATS: dict[str, tuple[str, ...]] = {"xlsx": (), "parquet": ("pyarrow",)}  # and the modules they need
MOST_IN_MEMORY = 1_000_000  # rows whose model instances are all in memory at once, by the classic loop
MOST_OF_IMPORT_EXPORT = 100_000
MOST_OF_XLSX = 1_048_575

# The rows and the order of the exporter.
QUERY = (
    "SELECT library_book.id, source_id, title, name AS author, contributors, isbn13, published_year, language, "
    "average_rating, ratings_count, available, added_at FROM library_book "
    "INNER JOIN library_author ON library_author.id = library_book.author_id ORDER BY library_book.id"
)
COPY = f"COPY ({QUERY}) TO STDOUT (FORMAT csv, HEADER)"


@dataclass(frozen=True)
class Way:
    """One way to export.

    commands: from the target and the number of rows, the programs, piped together. suffix: of the target, which
    the programs write themselves unless `is_piped`; empty where nothing is kept. most_rows: what it can take, or
    is given patience for. programs, modules: what it needs. is_ours: whether the budgets are for it. is_watched:
    whether its memory is measured at other sizes, too.
    """

    name: str
    commands: Callable[[Path, int], Sequence[Sequence[str]]]
    suffix: str = "csv.gz"
    is_piped: bool = False
    most_rows: int | None = None
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    is_ours: bool = False
    is_watched: bool = False

    def rows(self, total: int) -> int:
        return total if self.most_rows is None else min(total, self.most_rows)

    def missing(self) -> str:
        """Return what this machine lacks for it, in words, or nothing."""
        lacking = [name for name in self.programs if shutil.which(name) is None]
        lacking += [name for name in self.modules if importlib.util.find_spec(name) is None]
        return f"there is no {' and no '.join(lacking)} here" if lacking else ""


def ways(database: str, path: str) -> list[Way]:
    """Return the ways from a database; path: of the file, for SQLite."""
    if database == POSTGRESQL:
        peers = [*_of_anybody(), _peer("django-postgres-copy", "postgres_copy", "postgres_copy"), *_of_psql()]
    else:
        peers = [*_of_anybody(), *_of_sqlite3(path)]
    return [*peers, *_ours(FASTEST_SOURCE[database])]


def _of_anybody() -> list[Way]:
    return [
        _peer(CLASSIC, "classic", most_rows=MOST_IN_MEMORY),
        _peer("classic loop with iterator(2000)", "iterator"),
        _peer("django-import-export", "import_export", "import_export", most_rows=MOST_OF_IMPORT_EXPORT),
    ]


def _peer(name: str, key: str, *modules: str, most_rows: int | None = None) -> Way:
    def commands(target: Path, rows: int) -> list[list[str]]:
        return [[sys.executable, "-m", "bench.exports.peers", key, str(target), str(rows)]]

    return Way(name, commands, modules=modules, most_rows=most_rows)


def _of_psql() -> list[Way]:
    words = ["psql", "--no-psqlrc", "--quiet", "--command", COPY]
    return [
        _piped(FLOORS[POSTGRESQL], words),
        _piped("psql + gzip", words, ["gzip"]),
        _piped("psql + pigz", words, ["pigz"]),
    ]


def _of_sqlite3(path: str) -> list[Way]:
    words = ["sqlite3", "-batch", "-init", "/dev/null", "-readonly", "-csv", "-header", path, QUERY]
    return [_piped(FLOORS[SQLITE], words), _piped(GZIPPED_SQLITE, words, ["gzip"])]


def _piped(name: str, *commands: list[str]) -> Way:
    return Way(
        name,
        lambda target, rows: commands,
        suffix="csv.gz" if len(commands) > 1 else "",
        is_piped=True,
        programs=tuple(words[0] for words in commands),
    )


def _ours(fastest: str) -> list[Way]:
    found = [
        _our("csv.gz", fastest, is_watched=True),
        _our("csv.gz", fastest, "--no-guard"),
        _our("csv", fastest),
        _our("tsv.gz", fastest),
        _our("jsonl.gz", fastest, is_watched=True),
        *(_our(suffix, PORTABLE, is_watched=suffix == "csv.gz") for suffix in TEXT_FORMATS),
    ]
    # Made of values and not of text: no database renders them.
    found += [_our(suffix, PORTABLE, is_watched=True) for suffix in TYPED_FORMATS]
    return [*found, _recorded(fastest), _without_rows()]


def our_name(suffix: str, source: str, *options: str) -> str:
    words = [source, *(option.strip("-").replace("-", " ") for option in options)]
    return f"brokerless {suffix} ({', '.join(words)})"


def _our(suffix: str, source: str, *options: str, is_watched: bool = False) -> Way:
    return Way(
        our_name(suffix, source, *options),
        _command("-m", "bench.exports.command", source, "export_books", "--no-record", *options),
        suffix=suffix,
        most_rows=MOST_OF_XLSX if suffix == "xlsx" else None,
        modules=TYPED_FORMATS.get(suffix, ()),
        is_ours=True,
        is_watched=is_watched,
    )


def _recorded(fastest: str) -> Way:
    """Return the way that a run by hand takes unless it is told otherwise: watched by a monitor."""
    words = ("-m", "bench.exports.command", fastest, "export_books")
    return Way(f"brokerless csv.gz ({fastest}, recorded run)", _command(*words))


def _without_rows() -> Way:
    words = ("-m", "bench.exports.command", PORTABLE, "export_books", "--no-record", "--language", "none")
    return Way("brokerless csv.gz, nothing to export", _command(*words), most_rows=0)


def _command(*words: str) -> Callable[[Path, int], list[list[str]]]:
    return lambda target, rows: [[sys.executable, *words, "--verbosity", "0", "--output", str(target)]]
