"""The table, as Markdown that is read as well in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.exports.budgets import MEGABYTE
from bench.exports.ways import CLASSIC, FLOORS, TYPED_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.exports.budgets import Verdict
    from bench.exports.measuring import Measured

TITLES = (
    *("database", "way", "rows", "seconds", "from–to", "CPU s"),
    *("rows/s", "× classic", "× floor", "peak MB", "file MB"),
)
NOTHING = "–"
LEGEND = (
    "Medians of the runs, each a whole process from its start to its end. CPU s: processor time of all its",
    "processes. × classic: how many times as many rows in a second as the classic loop. × floor: how many times",
    "the time of the database's own CSV output to /dev/null. Peak MB: the most resident memory of all its",
    "processes together, by their VmHWM. The PostgreSQL server is not one of them. 1 MB is 1,000,000 bytes.",
)


def results(found: Sequence[Measured], verdicts: Sequence[Verdict], facts: Sequence[str]) -> str:
    """Return all that was found: the machine, the table, what is missing in it, and the budgets."""
    remarks = [*_left_out(found), *_same_bytes(found), *_memory(found)]
    parts = [_as_list(facts), table(found), LEGEND, _as_list(remarks), _as_list(list(map(str, verdicts)))]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def table(found: Sequence[Measured]) -> list[str]:
    by_key = {(each.site.database, each.way.name): each for each in found if each.runs}
    rows = [TITLES, *(_cells(each, by_key) for each in found if each.runs)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(TITLES))]
    lines = [f"| {' | '.join(map(_padded, row, widths, range(len(row))))} |" for row in rows]
    ruler = "|" + "|".join("-" * (width + 1) + ("-" if n < 2 else ":") for n, width in enumerate(widths)) + "|"
    return [lines[0], ruler, *lines[1:]]


def _padded(cell: str, width: int, n: int) -> str:
    return cell.ljust(width) if n < 2 else cell.rjust(width)


def _cells(each: Measured, by_key: dict[tuple[str, str], Measured]) -> tuple[str, ...]:
    database = each.site.database
    classic, floor = by_key.get((database, CLASSIC)), by_key.get((database, FLOORS[database]))
    seconds = [run.seconds for run in each.runs]
    return (
        database,
        each.way.name,
        f"{each.rows:,}",
        f"{each.seconds:.2f}",
        f"{min(seconds):.2f}–{max(seconds):.2f}",
        f"{each.processor_seconds:.2f}",
        f"{each.rate:,.0f}" if each.rows else NOTHING,
        f"{each.rate / classic.rate:.2f}" if classic and each.rows else NOTHING,
        f"{floor.rate / each.rate:.2f}" if floor and each.rows else NOTHING,
        f"{each.memory / MEGABYTE:.1f}",
        f"{each.size / MEGABYTE:.1f}" if each.size else NOTHING,
    )


def _left_out(found: Sequence[Measured]) -> Iterator[str]:
    for each in found:
        if each.problem:
            yield f"Left out: {each.site.database}, {each.way.name}: {each.problem.rstrip('.')}."


def _same_bytes(found: Sequence[Measured]) -> Iterator[str]:
    """Say of each format of text whether all sources, on all databases, gave the same bytes."""
    digests: dict[str, list[str]] = {}
    for each in found:
        if each.digest and each.way.suffix not in TYPED_FORMATS and "no guard" not in each.way.name:
            digests.setdefault(each.way.suffix.removesuffix(".gz"), []).append(each.digest)
    for name, of_ways in digests.items():
        if len(of_ways) > 1:
            words = "the same bytes" if len(set(of_ways)) == 1 else "DIFFERENT BYTES"
            yield f"{name}, uncompressed: {words} by {len(of_ways)} of our ways."


def _memory(found: Sequence[Measured]) -> Iterator[str]:
    for each in found:
        if each.way.is_watched and len(each.peaks) > 1:
            peaks = ", ".join(f"{peak / MEGABYTE:.1f} MB at {rows:,}" for rows, peak in sorted(each.peaks.items()))
            yield f"Peak memory by rows, {each.site.database}, {each.way.name}: {peaks}."


def _as_list(lines: Sequence[str]) -> list[str]:
    return [f"- {line}" for line in lines]
