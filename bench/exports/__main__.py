"""`make bench`: measure every way on every database, and print one table."""

from __future__ import annotations

import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench.exports.budgets import SMALL, judge
from bench.exports.machine import describe_machine, describe_packages
from bench.exports.measuring import Measured, measure_memory, measure_rounds, prepare
from bench.exports.report import results
from bench.exports.running import RunError
from bench.exports.sites import BUILD, open_site
from bench.exports.ways import POSTGRESQL, SQLITE, ways

if TYPE_CHECKING:
    from bench.exports.sites import Site

ROWS, RUNS, MANY = 1_000_000, 3, 2_000_000


def main() -> int | str:
    options = read_options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it is cleaned up
    begun = time.monotonic()
    facts = [describe_machine(), describe_packages()]
    with ExitStack() as stack:
        sites = open_sites(options.databases, stack, facts)
        if not sites:
            return "There is no database to measure."
        found = measure(sites, options)
    minutes = f"{datetime.now(UTC):%Y-%m-%d}, in {(time.monotonic() - begun) / 60:.0f} min"
    facts.append(f"{options.rows:,} books, each way run {options.runs} × in turns, {minutes}")
    verdicts = judge(found)
    text = results(found, verdicts, facts)
    (BUILD / "results.md").write_text(text)
    print(f"\n{text}\nThe same is in build/bench/results.md.")
    return int(options.strict and not all(verdict.is_kept for verdict in verdicts))


def read_options() -> Namespace:
    parser = ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=_number, default=ROWS, help="Books (default: %(default)s).")
    parser.add_argument("--runs", type=_number, default=RUNS, help="Of each way (default: %(default)s).")
    parser.add_argument(
        "--many",
        type=int,
        default=MANY,
        help="Books with which the memory is compared; 0 for none but those that are measured anyway "
        "(default: %(default)s).",
    )
    parser.add_argument(
        "--only",
        type=_words,
        default=[],
        help="Parts of the ways' names, separated by commas (default: all).",
    )
    parser.add_argument(
        "--databases",
        type=_databases,
        default=[SQLITE, POSTGRESQL],
        help=f"{SQLITE}, {POSTGRESQL} or both, with a comma between them (default: both).",
    )
    parser.add_argument(
        "--strict", action="store_true", help="Exit with 1 unless every budget was measured and is kept."
    )
    return parser.parse_args()


def open_sites(databases: list[str], stack: ExitStack, facts: list[str]) -> list[Site]:
    """Open a site on each database; add to the facts what it is, or why it cannot be reached."""
    sites = []
    for database in databases:
        try:
            sites.append(stack.enter_context(open_site(database)))
            facts.append(sites[-1].versions())
        except OSError as error:
            facts.append(f"Without {database}: {str(error).splitlines()[0]}")
            print(facts[-1], file=sys.stderr)
    return sites


def measure(sites: list[Site], options: Namespace) -> list[Measured]:
    """Let the sites' books become more and more, and measure what there is to measure at each number."""
    found = prepare(
        [
            (site, way)
            for site in sites
            for way in ways(site.database, site.database_name)
            if not options.only or any(word in way.name.lower() for word in options.only)
        ]
    )
    if options.rows > SMALL:
        add_books(sites, SMALL)
        measure_memory(found, total=SMALL)
    add_books(sites, options.rows)
    measure_rounds(found, total=options.rows, runs=options.runs)
    if options.many > options.rows:
        add_books(sites, options.many)
        measure_memory(found, total=options.many)
    return found


def add_books(sites: list[Site], last: int) -> None:
    for site in sites:
        site.add_books(last)


def _number(text: str) -> int:
    number = int(text.replace("_", ""))
    if number < 1:
        raise ArgumentTypeError(f"{text} is no number of 1 or more")
    return number


def _words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def _databases(text: str) -> list[str]:
    known = {name.lower(): name for name in (SQLITE, POSTGRESQL)}
    words = _words(text)
    if unknown := [word for word in words if word not in known]:
        raise ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known.values())}")
    return [known[word] for word in words]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RunError as error:
        sys.exit(f"The books could not be made: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped.")
