"""The budgets of an export, and whether each holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.exports.ways import (
    CLASSIC,
    FASTEST_SOURCE,
    FLOORS,
    GZIPPED_SQLITE,
    PORTABLE,
    POSTGRESQL,
    SQLITE,
    our_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.exports.measuring import Measured

MEGABYTE = 1_000_000
MOST_MEMORY = 90 * MEGABYTE
MOST_GROWTH = 0.05
SMALL = 100_000  # rows whose memory is compared with that of many


@dataclass(frozen=True)
class Verdict:
    """A budget, the figure that was measured, and whether it holds; None where nothing was measured."""

    budget: str
    figure: str
    is_kept: bool | None

    def __str__(self) -> str:
        word = {True: "kept", False: "MISSED", None: "not measured"}[self.is_kept]
        return f"{word}: {self.budget}: {self.figure}"


def judge(found: Sequence[Measured]) -> list[Verdict]:
    """Return a verdict for each budget of the databases that were measured."""
    by_key = {(each.site.database, each.way.name): each for each in found if each.runs}
    databases = list(dict.fromkeys(each.site.database for each in found))
    verdicts = [verdict for database in databases for verdict in _of_speed(database, by_key)]
    ours = [each for each in found if each.way.is_ours]
    return [*verdicts, _of_memory(ours), _of_growth(ours)]


def _of_speed(database: str, by_key: dict[tuple[str, str], Measured]) -> list[Verdict]:
    def times(name: str, other: str, least: float) -> Verdict:
        return _ratio(by_key.get((database, name)), by_key.get((database, other)), text(name, least, other), least)

    def text(name: str, least: float, other: str) -> str:
        words = f"at least {least:g} × {other}" if least > 1 else f"faster than {other}"
        return f"{database}, {name} {words}"

    fastest = our_name("csv.gz", FASTEST_SOURCE[database])
    portable = times(our_name("csv.gz", PORTABLE), CLASSIC, 2.5)
    if database == SQLITE:
        return [times(fastest, CLASSIC, 6), times(fastest, GZIPPED_SQLITE, 1), portable]
    floor = FLOORS[POSTGRESQL]
    time = f"{database}, {fastest} at most 1.6 × the time of {floor}"
    within = _ratio(by_key.get((database, floor)), by_key.get((database, fastest)), time, 1.6, is_most=True)
    return [times(fastest, CLASSIC, 10), within, portable]


def _ratio(
    one: Measured | None, other: Measured | None, budget: str, bound: float, *, is_most: bool = False
) -> Verdict:
    """Judge the rate of one by that of the other."""
    if one is None or other is None:
        return Verdict(budget, "–", None)
    ratio = one.rate / other.rate
    return Verdict(budget, f"{ratio:.2f} ×", ratio <= bound if is_most else ratio >= bound)


def _of_memory(ours: Sequence[Measured]) -> Verdict:
    budget = f"peak memory at most {MOST_MEMORY // MEGABYTE} MB"
    highest = [(each, max(each.peaks, key=lambda rows: each.peaks[rows])) for each in ours if each.peaks]
    peaks = [(each.peaks[rows], f"{_title(each)}, {rows:,} rows") for each, rows in highest]
    return _worst(budget, peaks, lambda peak: f"{peak / MEGABYTE:.1f} MB", MOST_MEMORY)


def _of_growth(ours: Sequence[Measured]) -> Verdict:
    budget = f"peak memory within {100 * MOST_GROWTH:g} % from {SMALL:,} rows to many"
    growths = []
    for each in ours:
        most = max(each.peaks, default=0)
        if SMALL in each.peaks and most > SMALL:
            growth = round(each.peaks[most] / each.peaks[SMALL] - 1, 4)
            growths.append((growth, f"{_title(each)}, {most:,} rows"))
    return _worst(budget, growths, lambda growth: f"{100 * growth:+.1f} %", MOST_GROWTH)


def _worst(
    budget: str, figures: Sequence[tuple[float, str]], shown: Callable[[float], str], most: float
) -> Verdict:
    """Judge by the highest figure; name all that are too high."""
    if not figures:
        return Verdict(budget, "–", None)
    too_high = sorted([pair for pair in figures if pair[0] > most], reverse=True)
    named = "; ".join(f"{shown(figure)} {of}" for figure, of in too_high or [max(figures)])
    return Verdict(budget, named, not too_high)


def _title(each: Measured) -> str:
    return f"{each.site.database}, {each.way.name}"
