"""The tally of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tests.chaos.history import History
    from tests.chaos.verdict import Finding

# What must be 0, in the order in which it is shown.
BAD = (
    "not launched",
    "not finished",
    "run twice",
    "over-limit moments",
    "lies",
    "wrong ends",
    "late truths",
    "crashed processes",
    "zombies",
    "stray processes",
    "leaked files",
    "partial files",
)
WIDTH = 32


@dataclass(frozen=True)
class Result:
    """What came out of a run."""

    database: str
    seed: str
    seconds: float
    statuses: list[str]
    history: History
    given_up: int
    longest_gap: float
    longest_to_truth: float
    findings: list[Finding]


def show(result: Result, out: TextIO) -> bool:
    """Print the tally and whatever is wrong; return whether nothing is."""
    bad = Counter(finding.column for finding in result.findings)
    history = result.history
    rows: list[tuple[str, object]] = [
        ("launched", len(result.statuses)),
        *((f"  {status}", number) for status, number in sorted(Counter(result.statuses).items())),
        ("attempts begun", len({start.attempt for start in history.starts})),
        *((name, bad[name]) for name in BAD),
        ("longest time to truth", f"{result.longest_to_truth:.2f} s"),
        *((name, number) for name, number in sorted(history.done_to_them.items())),
        ("asked to cancel", len(history.cancelled)),
        ("longest gap between two looks", f"{result.longest_gap:.2f} s"),
        ("left alone", len(result.statuses) - len(history.touched | history.cancelled)),
        ("given up by another host", result.given_up),
    ]
    print(f"\n{result.database}, seed {result.seed}, {result.seconds:.0f} s", file=out)
    for name, value in rows:
        print(f"  {name:<{WIDTH}}{value:>8}", file=out)
    for finding in result.findings:
        print(f"  WRONG {finding.column}: {finding.task} {finding.text}", file=out)
    out.flush()
    return not result.findings
