"""Measuring ways: in rounds, so that whatever slows the machine for a while hits all alike."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import psutil

from bench.exports.outputs import digest, rows_in
from bench.exports.running import Run, RunError, run
from bench.exports.ways import CLASSIC

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.exports.sites import Site
    from bench.exports.ways import Way

MEMORY_OF_CLASSIC = 2500  # bytes of a row that has become a model instance, with its author; rather more than less


@dataclass
class Measured:
    """What is known of one way on one database.

    rows: what each of its runs exports. problem: why it is left out, or nothing. peaks: bytes of memory by the
    number of rows, of all its runs the median. size: bytes of the file. digest: of its text, if it is ours.
    """

    site: Site
    way: Way
    rows: int = 0
    runs: list[Run] = field(default_factory=list)
    problem: str = ""
    peaks: dict[int, int] = field(default_factory=dict)
    size: int = 0
    digest: str = ""

    @property
    def seconds(self) -> float:
        return median(each.seconds for each in self.runs)

    @property
    def rate(self) -> float:
        """Rows per second; of the median, and not the median of what is unevenly spread."""
        return self.rows / self.seconds

    @property
    def processor_seconds(self) -> float:
        return median(each.processor_seconds for each in self.runs)

    @property
    def memory(self) -> float:
        return median(each.memory for each in self.runs)


def prepare(sites_and_ways: Sequence[tuple[Site, Way]]) -> list[Measured]:
    """Return what is to be measured, with the reason at what this machine lacks something for."""
    return [Measured(site, way, problem=way.missing()) for site, way in sites_and_ways]


def measure_rounds(all_of_them: Sequence[Measured], *, total: int, runs: int) -> None:
    """Run each way so many times, each round in another order."""
    for each in all_of_them:
        each.rows = each.way.rows(total)
        each.problem = each.problem or _lacks_memory(each)
    for number in range(runs):
        start = number * len(all_of_them) // runs
        for each in [*all_of_them[start:], *all_of_them[:start]]:
            if not each.problem:
                _measure(each, f"{number + 1}/{runs}")
    for each in all_of_them:
        if each.runs:
            each.peaks[each.rows] = round(each.memory)


def measure_memory(all_of_them: Sequence[Measured], *, total: int) -> None:
    """Run once each way whose memory is watched and that can take so many rows."""
    for each in all_of_them:
        is_able = each.way.is_watched and each.way.rows(total) == total and total not in each.peaks
        if is_able and not each.problem and (done := _run(each, total, "memory")):
            each.peaks[total] = done.memory


def _lacks_memory(each: Measured) -> str:
    needed = each.rows * MEMORY_OF_CLASSIC if each.way.name == CLASSIC else 0
    return f"it takes about {needed / 1e9:.0f} GB of memory" if needed > psutil.virtual_memory().available else ""


def _measure(each: Measured, title: str) -> None:
    done = _run(each, each.rows, title, is_checked=not each.runs)
    if done is not None:
        each.runs.append(done)
    else:
        each.runs.clear()  # what fails now and then is no way


def _run(each: Measured, rows: int, title: str, *, is_checked: bool = False) -> Run | None:
    """Run a way once; if it fails, or the file is not whole, note why and return None."""
    way, site = each.way, each.site
    target = site.directory / f"books.{way.suffix}" if way.suffix else None
    print(f"{title}  {site.database}, {way.name} …", file=sys.stderr, end="", flush=True)
    try:
        commands = way.commands(target or site.directory, rows)
        done = run(commands, environment=site.environment, output=target if way.is_piped else None)
        if is_checked and target is not None:
            _check(each, target, rows)
    except RunError as error:
        each.problem = str(error)
        print(f" left out: {error}", file=sys.stderr)
        return None
    finally:
        if target is not None:
            target.unlink(missing_ok=True)
    print(f" {done.seconds:.2f} s", file=sys.stderr)
    return done


def _check(each: Measured, target: Path, rows: int) -> None:
    """Note the file's size and what is in it. Raises RunError when rows are missing."""
    if not target.exists():
        raise RunError("it wrote no file")
    each.size = target.stat().st_size
    try:
        found = rows_in(target)
    except Exception as error:  # whatever a reader says of a file that it does not take
        raise RunError(f"its file cannot be read: {error}") from error
    if found != rows:
        raise RunError(f"its file has {found:,} rows instead of {rows:,}")
    if each.way.is_ours:
        each.digest = digest(target)
