"""Books from the file to the exported file, on each database, as a person does it in a shell."""

from __future__ import annotations

import csv
import gzip
import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.system.running_site import RunningSite

FIXTURE = Path(__file__).parents[1] / "site" / "fixtures" / "goodbooks-30.csv"
ROWS = """
    SELECT b.id, b.source_id, b.title, a.name, b.contributors, b.isbn13, b.published_year, b.language,
           b.average_rating, b.ratings_count, b.available
    FROM library_book b JOIN library_author a ON a.id = b.author_id ORDER BY b.id
"""


def as_text(row: tuple) -> list[str]:
    """Spell a row of the database as the exported file does."""
    *values, rating, count, available = ["" if value is None else value for value in row]
    rating = "" if rating == "" else f"{Decimal(str(rating)):.2f}"
    return [*map(str, values), rating, str(count), "true" if available else "false"]


def read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def check(site: RunningSite, source: Path) -> int:
    site.manage_well("load_books", source)
    target = site.directory / "books.csv.gz"

    summary = site.manage_well("export_books", "--no-guard", "--output", target)

    found = read(target)
    rows = site.query(ROWS)
    assert f"{len(rows):,} rows" in summary
    assert [list(row.values())[:-1] for row in found] == [as_text(row) for row in rows]
    assert all(row["added_at"].endswith("+00:00") for row in found)
    return len(found)


def test_the_exported_file_holds_the_rows_of_the_database(empty_site: RunningSite) -> None:
    assert check(empty_site, FIXTURE) > 10  # the others are bad lines


def test_the_whole_goodbooks_file_is_exported_as_it_was_loaded(empty_site: RunningSite) -> None:
    source = os.environ.get("GOODBOOKS")
    if not source:
        pytest.skip("needs the goodbooks-10k file: set GOODBOOKS to the path of its books.csv")
    assert check(empty_site, Path(source).absolute()) == 10_000


def test_a_filter_exports_only_what_it_selects(empty_site: RunningSite) -> None:
    empty_site.manage_well("load_books", "--sample")
    target = empty_site.directory / "ancient.csv.gz"

    empty_site.manage_well("export_books", "--published-before", "-1", "--no-guard", "--output", target)

    years = [int(row["published_year"]) for row in read(target)]
    assert years
    assert all(year <= -1 for year in years)
