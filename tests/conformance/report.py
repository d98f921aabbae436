"""What came out of the tests of one Django: written by the harness, shown by `make conformance`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Report:
    """How many tests were to be run, were, and passed; by how many processes tasks ran; all within which time.

    excluded, unsafe: tests with the reasons, see `tests.conformance.exclusions`. stale: names there that are no
    test's. left: a sentence about each process that did not end.
    """

    django: str
    to_run: int
    ran: int
    passed: int
    processes: int
    seconds: float
    excluded: dict[str, str]
    unsafe: dict[str, str]
    stale: list[str]
    left: list[str]

    def problems(self) -> list[str]:
        """Return a sentence about everything that is not as it must be."""
        problems = [
            f"{name} is excluded or unsafe, but names no test of Django {self.django}." for name in self.stale
        ]
        if not self.to_run:
            problems.append("There was no test to run.")
        if self.ran != self.to_run:
            problems.append(f"{self.to_run} tests were to be run, and {self.ran} were.")
        if self.passed != self.ran:
            # A skipped test has not passed either: what cannot be run is to be excluded, with a reason.
            problems.append(f"{self.ran - self.passed} tests of {self.ran} failed or were skipped.")
        if not self.processes:
            problems.append("No task was run by a process of its own.")
        return problems + self.left

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Report:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def show(report: Report, out: TextIO) -> bool:
    """Print the tally, every excluded test under its reason, and what is wrong; return whether nothing is."""
    print(f"Django {report.django}: {report.passed} of {report.ran} tests passed", end=" ", file=out)
    print(f"in {report.seconds:.0f} s, with {report.processes} processes of tasks", file=out)
    _show_reasons("Excluded", report.excluded, out)
    _show_reasons("Run with DJANGO_ALLOW_ASYNC_UNSAFE", report.unsafe, out)
    problems = report.problems()
    for problem in problems:
        print(f"  WRONG: {problem}", file=out)
    out.flush()
    return not problems


def _show_reasons(what: str, reasons: Mapping[str, str], out: TextIO) -> None:
    for reason in dict.fromkeys(reasons.values()):
        print(f"  {what}: {reason}", file=out)
        for test_id, its_reason in reasons.items():
            if its_reason == reason:
                print(f"    {test_id}", file=out)
